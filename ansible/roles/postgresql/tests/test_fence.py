"""The fence: what is asked of the cloud, when it stands, and when it never does."""

import unittest
from unittest import mock

import cluster
from cluster import facts, instance, sight, writable
from infra_postgresql import cloud, fence, journal, quorum, server


class Api:
    """A cloud of this test: its instances go down when told to, or do not, and calls fail as planned."""

    def __init__(self, states, failing=()):
        self.states, self.failing, self.calls = list(states), set(failing), []

    def _call(self, name, *args):
        self.calls.append((name, *args))
        if name in self.failing:
            raise cloud.CloudError(name, "no answer", timeout=True)

    def instances(self, nodes):
        """Tell the next planned state of the primary; the last one stays."""
        self._call("instances")
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {1: instance(1, state), 2: instance(2)}

    def mark(self, node, term):
        self._call("mark", node.name, term)

    def unmark(self, node):
        self._call("unmark", node.name)

    def stop(self, node):
        self._call("stop", node.name)

    def put_metrics(self, metrics):
        self._call("metrics", *metrics)

    def more_patient(self):
        return self

    def done(self):
        """The calls that change something."""
        return [call for call in self.calls if call[0] in ("mark", "unmark", "stop")]


class World(unittest.TestCase):
    """What an attempt sees, changed by a test as time passes."""

    def setUp(self):
        self.settings = cluster.make()
        self.diary = journal.Journal(self.settings)
        self.known = {}
        patches = [mock.patch.object(fence.proof, "collect", self.collect), mock.patch.object(fence.time, "sleep", lambda _: self.pause()),
                   mock.patch.object(journal.sys, "stderr")]
        for patch in patches:
            patch.start()
            self.addCleanup(patch.stop)
        self.pauses, self.limit, self.meanwhile = 0, 20, {}

    def collect(self, settings, api, excused=frozenset(), voters=False):
        """What proof.collect would find, with the instances as the test's API has them."""
        try:
            instances, failure = api.instances(settings.data_nodes), None
        except cloud.CloudError as error:
            instances, failure = {}, error
        return facts(**{"instances": instances, **self.known}), failure

    def pause(self):
        """Stands for the time that passes; what the test planned for it happens."""
        self.pauses += 1
        change = self.meanwhile.pop(self.pauses, None)
        if change:
            change()
        if self.pauses > self.limit:
            raise TimeoutError

    def events(self):
        return [entry["event"] for entry in self.diary.entries()]

    def fence(self, api):
        return fence.Fence(self.settings, self.diary, api)


class Fencing(World):
    def test_it_stands_when_the_host_is_down_and_not_before(self):
        api = Api(["running", "stopping", "stopping", "stopped"])
        self.assertEqual(self.fence(api).run(), 0)
        self.assertEqual(api.done(), [("mark", "postgresql-1", 2), ("stop", "postgresql-1")])
        self.assertEqual([e for e in self.events() if e != "waiting"], ["detected", "quorum", "fenced", "stop_requested", "stopped"])

    def test_stopping_is_no_proof(self):
        api = Api(["running", "stopping"])
        with self.assertRaises(TimeoutError):
            self.fence(api).run()
        self.assertNotIn("stopped", self.events())

    def test_a_host_that_is_down_is_marked_so_that_it_stays_so(self):
        api = Api(["stopped"])
        self.assertEqual(self.fence(api).run(), 0)
        self.assertEqual(api.done(), [("mark", "postgresql-1", 2)])

    def test_without_the_api_nothing_is_proven(self):
        api = Api(["running"], failing={"instances", "mark", "stop"})
        with self.assertRaises(TimeoutError):
            self.fence(api).run()
        self.assertEqual(api.done(), [])
        self.assertIn("alarm", self.events())

    def test_it_goes_on_when_the_api_is_back(self):
        api = Api(["running", "running", "stopping", "stopped"], failing={"instances"})
        self.meanwhile[5] = api.failing.clear
        self.assertEqual(self.fence(api).run(), 0)
        self.assertEqual(self.events().count("alarm"), 1)

    def test_no_mark_no_stop(self):
        api = Api(["running"], failing={"mark"})
        with self.assertRaises(TimeoutError):
            self.fence(api).run()
        self.assertNotIn(("stop", "postgresql-1"), api.calls)

    def test_a_primary_that_answers_again_ends_it(self):
        api = Api(["running"])
        self.known["states"] = {1: writable(), 4: writable()}
        self.assertEqual(self.fence(api).run(), 1)
        self.assertEqual(api.done(), [])

    def test_the_mark_goes_when_the_primary_came_back_before_its_stop(self):
        api = Api(["running"], failing={"stop"})
        self.meanwhile[3] = lambda: self.known.update(states={1: writable(), 4: writable()})
        self.assertEqual(self.fence(api).run(), 1)
        self.assertEqual(api.done()[-1], ("unmark", "postgresql-1"))
        self.assertEqual(self.events()[-1], "cancelled")

    def test_there_is_no_way_back_from_a_stop(self):
        api = Api(["running", "stopping", "stopping", "stopping", "stopped"])
        self.meanwhile[2] = lambda: self.known.update(states={1: writable(), 4: None}, sample=None)
        fenced = self.fence(api)
        self.meanwhile[3] = lambda: self.known.update(states={1: None, 4: writable()})
        self.assertEqual(fenced.run(), 0)
        self.assertNotIn(("unmark", "postgresql-1"), api.calls)

    def test_it_waits_for_what_keeps_it_back(self):
        self.known["seen"] = {4: sight(1, 0)}
        self.meanwhile[3] = lambda: self.known.pop("seen")
        api = Api(["running", "running", "running", "running", "stopped"])
        self.assertEqual(self.fence(api).run(), 0)
        reasons = [entry["reason"] for entry in self.diary.entries("waiting")]
        self.assertIn("postgresql-witness saw the primary 0 s ago", reasons)
        self.assertEqual(len(reasons), len(set(reasons)), "a reason that lasts is told once")

    def test_a_stop_that_does_not_get_on_is_asked_for_again(self):
        api = Api(["running", "stopping"])
        clock = iter(range(0, 10_000, 4))
        with mock.patch.object(fence.time, "monotonic", lambda: float(next(clock))), self.assertRaises(TimeoutError):
            self.fence(api).run()
        self.assertGreater(api.calls.count(("stop", "postgresql-1")), 2)
        self.assertEqual(self.events().count("stop_requested"), 1)

    def test_an_own_server_that_is_silent_is_waited_for(self):
        with mock.patch.object(fence.proof, "collect", side_effect=server.Unreachable("down")), self.assertRaises(TimeoutError):
            self.fence(Api(["running"])).run()

    def test_a_node_that_takes_writes_already_has_nothing_to_fence(self):
        self.known["own"] = writable(2)
        api = Api(["running"])
        self.assertEqual(self.fence(api).run(), 0)
        self.assertEqual(api.done(), [])

    def test_a_person_may_fence_a_primary_that_lives(self):
        self.known["states"] = {1: writable(), 4: writable()}
        api = Api(["running", "stopping", "stopped"])
        self.meanwhile[1] = lambda: self.known.update(states={1: None, 4: writable()})
        attempt = fence.Fence(self.settings, self.diary, api, judge=quorum.may_fence_by_hand)
        self.assertEqual(attempt.run(), 0)
        self.assertIn(("stop", "postgresql-1"), api.calls)


class TwoStandbys(World):
    """With a second standby, which has a vote, and may be the one that takes over."""

    def setUp(self):
        super().setUp()
        self.settings = cluster.make(nodes=cluster.NODES)
        self.known["states"] = {1: None, 3: cluster.standby(), 4: writable()}

    def test_there_is_no_way_back_from_a_stop(self):
        api = Api(["running", "stopping", "stopping", "stopped"])
        self.meanwhile[2] = lambda: self.known.update(sample=None)
        self.assertEqual(self.fence(api).run(), 0)
        self.assertNotIn(("unmark", "postgresql-1"), api.calls)

    def test_the_other_standby_is_not_fenced_for_its_silence(self):
        # Two of four are no quorum: a standby that did so was left alone with a stopped cluster.
        api = Api(["running", "stopping", "stopped"])
        self.meanwhile[1] = lambda: self.known.update(states={1: None, 3: None, 4: writable()})
        with self.assertRaises(TimeoutError):
            self.fence(api).run()
        self.assertNotIn(("stop", "postgresql-3"), api.calls)
        self.assertNotIn(("mark", "postgresql-3", 2), api.calls)
        self.assertIn("no quorum: 2 of 4 nodes are visible", [entry["reason"] for entry in self.diary.entries("waiting")])

    def test_it_goes_on_when_the_other_standby_answers_again(self):
        api = Api(["running", "stopping", "stopped"])
        self.meanwhile[1] = lambda: self.known.update(states={1: None, 3: None, 4: writable()})
        self.meanwhile[5] = lambda: self.known.update(states={1: None, 3: cluster.standby(), 4: writable()})
        self.assertEqual(self.fence(api).run(), 0)
        self.assertEqual(api.done(), [("mark", "postgresql-1", 2), ("stop", "postgresql-1")])

    def test_the_other_standby_may_have_been_faster(self):
        api = Api(["running", "stopping", "stopped"])
        self.meanwhile[1] = lambda: self.known.update(states={1: None, 3: writable(2), 4: writable()})
        self.assertEqual(self.fence(api).run(), 1)
        self.assertEqual(api.done(), [("mark", "postgresql-1", 2), ("stop", "postgresql-1")])  # the mark stays: that host is down
        self.assertEqual(self.events()[-1], "cancelled")


class Lock(unittest.TestCase):
    def test_one_at_a_time(self):
        settings = cluster.make()
        with fence.alone(settings) as first, fence.alone(settings) as second:
            self.assertEqual((first, second), (True, False))
        with fence.alone(settings) as again:
            self.assertTrue(again)


if __name__ == "__main__":
    unittest.main()
