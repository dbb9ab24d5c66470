"""Where clients are led, and when not; what becomes of a node that was fenced."""

import threading
import types
import unittest
from unittest import mock

import cluster
from cluster import facts, instance, standby, writable
from infra_postgresql import agent, cloud, endpoint, journal, restart, server

DOWN = {1: instance(1, "stopped", "2"), 2: instance(2)}


class Duty(unittest.TestCase):
    def setUp(self):
        settings = cluster.make()
        self.cloud = mock.Mock(spec=cloud.Cloud)
        self.owner, self.named = "i-1", ["10.0.0.1"]
        self.cloud.address_owner.side_effect = lambda _: self.owner
        self.cloud.name_addresses.side_effect = lambda *_: self.named
        self.cloud.take_address.side_effect = lambda _, node: setattr(self, "owner", node.instance_id)
        self.cloud.take_name.side_effect = lambda *args: setattr(self, "named", [args[2]])
        self.own, self.known, self.written = writable(2), facts(own=writable(2), instances=DOWN), "10.0.1.1"
        self.context = agent.Context(settings, journal.Journal(settings), self.cloud, threading.Event())
        self.stopped = []
        for target, name, stand_in in (
            (server, "ask", lambda *_, **__: self.own),
            (endpoint.proof, "collect", lambda *_: (self.known, None)),
            (server, "connect", mock.MagicMock()),
            (server, "rows", lambda *_: [(self.written,)]),
            (endpoint, "stop_server", self.stopped.append),
            (journal.sys, "stderr", mock.Mock()),
        ):
            patch = mock.patch.object(target, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)

    def events(self):
        return [entry["event"] for entry in self.context.journal.entries()]

    def test_both_ways_lead_here_and_a_write_proves_it(self):
        endpoint.run(self.context)
        self.assertEqual((self.owner, self.named), ("i-2", ["10.0.1.1"]))
        self.assertEqual(self.events(), ["endpoint_moved", "endpoint_moved", "verified"])
        endpoint.run(self.context)
        self.cloud.take_address.assert_called_once()

    def test_nothing_moves_that_is_here(self):
        self.owner, self.named = "i-2", ["10.0.1.1"]
        endpoint.run(self.context)
        self.assertEqual(self.events(), ["verified"])

    def test_a_standby_takes_nothing(self):
        self.own = standby()
        endpoint.run(self.context)
        self.assertEqual((self.owner, self.events()), ("i-1", []))

    def test_while_another_may_take_writes_nothing_moves(self):
        self.known = facts(own=writable(2), instances={1: instance(1, "stopping")})
        endpoint.run(self.context)
        endpoint.run(self.context)
        self.assertEqual((self.owner, self.events()), ("i-1", ["waiting"]))

    def test_a_primary_that_was_handed_over_needs_no_other_proof(self):
        self.context.journal.record("takeover", 2, **{"from": 1, "timeline": 2})
        excused = []
        with mock.patch.object(endpoint.proof, "collect", lambda _, __, numbers: (excused.append(set(numbers)), (self.known, None))[1]):
            endpoint.run(self.context)
        self.assertEqual(excused, [{1}])

    def test_an_old_handover_proves_nothing(self):
        self.context.journal.record("takeover", 1, **{"from": 1, "timeline": 1})
        self.assertEqual(endpoint.handed_over(self.context, self.own), set())

    def test_a_write_that_arrives_elsewhere_is_no_proof(self):
        self.written = "10.0.0.1"
        endpoint.run(self.context)
        self.assertNotIn("verified", self.events())
        self.written = "10.0.1.1"
        endpoint.run(self.context)
        self.assertIn("verified", self.events())

    def test_where_the_network_does_not_lead_back_the_own_address_does(self):
        tried = []

        def write(_settings, _own, through):
            tried.append(through)
            return "no answer" if through == "198.51.100.9" else None

        with mock.patch.object(endpoint, "write_through", write):
            endpoint.run(self.context)
            self.assertNotIn("verified", self.events())
            self.context.memory.since -= endpoint.WRITE_LIMIT
            endpoint.run(self.context)
        self.assertEqual(tried, ["198.51.100.9", "198.51.100.9", "10.0.1.1"])
        self.assertEqual(self.context.journal.last("verified")["through"], "10.0.1.1")

    def test_it_steps_down_for_a_newer_primary(self):
        self.known = facts(own=writable(2), states={1: writable(3), 4: writable()})
        endpoint.run(self.context)
        self.assertEqual((len(self.stopped), self.events(), self.owner), (1, ["stepped_down"], "i-1"))

    def test_it_stays_before_an_older_one_and_leads_nobody_here(self):
        self.known = facts(own=writable(2), states={1: writable(1), 4: writable()})
        endpoint.run(self.context)
        self.assertEqual((self.stopped, self.owner), ([], "i-1"))


class Restart(unittest.TestCase):
    def setUp(self):
        self.settings = cluster.make()
        self.cloud = mock.Mock(spec=cloud.Cloud)
        self.cloud.instances.return_value = DOWN
        self.context = self.make_context()
        self.fences = [1.0]
        for target, name, stand_in in (
            (server, "ask", lambda *_: writable(2)), (restart, "fences", lambda *_: self.fences), (restart.time, "time", lambda: 100.0),
            (journal.sys, "stderr", mock.Mock())):
            patch = mock.patch.object(target, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)
        self.context.journal.record("verified", 2)

    def make_context(self, **changes):
        settings = cluster.make(state_directory=self.settings.state_directory, **changes)
        return agent.Context(settings, journal.Journal(settings), self.cloud, threading.Event())

    def look(self, times=1):
        for _ in range(times):
            self.context.memory.next_look = 0.0
            restart.run(self.context)

    def test_a_fenced_node_is_started(self):
        self.look()
        self.cloud.start.assert_called_once_with(self.settings.node(1))

    def test_left_alone(self):
        for name, found in {"stopped by a person": instance(1, "stopped"), "still stopping": instance(1, "stopping", "2"),
                            "running": instance(1, "running", "2")}.items():
            with self.subTest(name):
                self.cloud.instances.return_value = {1: found}
                self.look()
        self.cloud.start.assert_not_called()

    def test_not_before_the_endpoint_is_verified(self):
        self.context.journal.record("verified", 1)
        self.look()
        self.cloud.start.assert_not_called()

    def test_switched_off(self):
        self.context = self.make_context(restart_fenced=False)
        self.look()
        self.cloud.start.assert_not_called()

    def test_a_node_that_flaps_stays_down_and_somebody_is_told_once(self):
        self.fences = [1.0, 50.0, 99.0]
        self.look(3)
        self.cloud.start.assert_not_called()
        self.assertEqual([entry["reason"] for entry in self.context.journal.entries("alarm")], ["postgresql-1 stays down: fenced 3 times within an hour"])

    def test_a_node_that_does_not_get_up_is_left(self):
        self.look(20)
        self.assertEqual(self.cloud.start.call_count, 5)


class Agent(unittest.TestCase):
    def test_a_duty_that_fails_is_told_when_it_changes(self):
        now, diary = [0.0], mock.Mock()
        complaints = agent.Complaints(diary, "endpoint", clock=lambda: now[0])
        for second, problem in ((0, None), (1, "a"), (2, "a"), (3, "b"), (4, "b"), (400, "b"), (401, None), (402, None)):
            now[0] = float(second)
            complaints.note(problem)
        self.assertEqual([call.args[0] for call in diary.record.call_args_list], ["duty_failed"] * 3 + ["duty_recovered"])

    def test_a_brisk_duty_that_does_not_come_back_is_noticed(self):
        contexts = {name: types.SimpleNamespace(called=1000.0) for name in agent.DUTIES}
        self.assertIsNone(agent.stuck(contexts, 1000.0 + agent.STUCK))
        contexts["rejoin"].called = 0.0  # it may take its time
        self.assertIsNone(agent.stuck(contexts, 1000.0 + agent.STUCK))
        contexts["sample"].called = 999.0
        self.assertEqual(agent.stuck(contexts, 1000.0 + agent.STUCK), "sample")

    def test_everything_is_imported_before_the_threads_begin(self):
        diary = mock.Mock()
        with mock.patch.object(agent, "LIBRARIES", ("no_such_library",)), mock.patch.object(agent, "DUTIES", {"endpoint": 1.0}):
            agent.load(diary)
        diary.record.assert_called_once_with("import_failed", problem="No module named 'no_such_library'")

    def test_a_duty_that_raises_is_called_again(self):
        stopping, calls = threading.Event(), []

        def run(_context):
            calls.append(1)
            if len(calls) == 3:
                stopping.set()
            raise RuntimeError("broken")

        context = agent.Context(cluster.make(), mock.Mock(), mock.Mock(), stopping)
        with mock.patch.object(agent.importlib, "import_module", lambda _: types.SimpleNamespace(run=run)):
            agent.keep("endpoint", 0.0, context)
        self.assertEqual(len(calls), 3)
        context.journal.record.assert_called_once()


if __name__ == "__main__":
    unittest.main()
