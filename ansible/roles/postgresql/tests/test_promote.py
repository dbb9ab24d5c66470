"""The promotion: tried until it is so, and called off only where another node takes writes."""

import contextlib
import unittest
from unittest import mock

import cluster
from cluster import facts, instance, standby, writable
from infra_postgresql import cloud, journal, promote, server

FENCED = {1: instance(1, "stopped"), 2: instance(2)}


class Promotion(unittest.TestCase):
    def setUp(self):
        self.settings = cluster.make()
        self.diary = journal.Journal(self.settings)
        self.known, self.failure = facts(instances=FENCED, states={1: None, 4: writable()}), None
        self.votes, self.tries, self.pauses, self.limit = 2, [], 0, 10
        self.works = {"repmgr": True, "server": True}
        self.state = standby()
        self.plan(promote.proof, "collect", lambda *_, **__: (self.known, self.failure))
        self.plan(promote, "claim", self.claim)
        self.plan(promote, "by_repmgr", self.by_repmgr)
        self.plan(promote, "by_server", self.by_server)
        self.plan(promote.server, "ask", lambda _settings, node=None: self.state if node is None else self.known.states[node.number])
        self.plan(promote.time, "sleep", self.pause)
        self.plan(journal.sys, "stderr", mock.Mock())

    def plan(self, target, name, stand_in):
        patch = mock.patch.object(target, name, stand_in)
        patch.start()
        self.addCleanup(patch.stop)

    @contextlib.contextmanager
    def claim(self, *_):
        yield self.votes

    def by_repmgr(self):
        self.tries.append("repmgr")
        if self.works["repmgr"]:
            self.state = writable(2)
        return "" if self.works["repmgr"] else "it did not work"

    def by_server(self, _settings):
        self.tries.append("server")
        if self.works["server"]:
            self.state = writable(2)

    def pause(self, _seconds):
        self.pauses += 1
        if self.pauses > self.limit:
            raise TimeoutError

    def promote(self):
        return promote.promote(self.settings, self.diary, mock.Mock(spec=cloud.Cloud))

    def events(self):
        return [entry["event"] for entry in self.diary.entries()]

    def test_by_the_server(self):
        self.assertEqual(self.promote(), 0)
        self.assertEqual(self.tries, ["server"])
        self.assertEqual(self.diary.last("promoted")["timeline"], 2)

    def test_by_repmgr_when_the_server_does_not(self):
        self.works["server"] = False
        self.assertEqual(self.promote(), 0)
        self.assertEqual(self.tries, ["server", "repmgr"])
        self.assertEqual(self.events(), ["promoted"])

    def test_again_and_again(self):
        self.works.update(repmgr=False, server=False)
        with self.assertRaises(TimeoutError):
            self.promote()
        self.assertGreater(self.tries.count("server"), 5)
        self.assertNotIn("promoted", self.events())

    def test_never_without_proof(self):
        for name, instances in {"running": {1: instance(1)}, "stopping": {1: instance(1, "stopping")}, "unknown": {}}.items():
            with self.subTest(name), self.assertRaises(TimeoutError):
                self.pauses = 0
                self.known = facts(instances=instances)
                self.promote()
        self.assertEqual(self.tries, [])

    def test_never_without_the_api(self):
        self.known, self.failure = facts(instances={}), cloud.CloudError("DescribeInstances", "no answer")
        with self.assertRaises(TimeoutError):
            self.promote()
        self.assertEqual(self.tries, [])

    def test_never_without_the_votes(self):
        self.votes = 1
        with self.assertRaises(TimeoutError):
            self.promote()
        self.assertEqual(self.tries, [])

    def test_another_takes_writes(self):
        self.known = facts(states={1: writable(2), 4: writable()})
        self.assertEqual(self.promote(), 1)
        self.assertEqual((self.tries, self.events()), ([], ["cancelled"]))

    def test_another_became_the_primary_while_the_votes_were_asked(self):
        settings = cluster.make(nodes=cluster.NODES)
        self.settings, self.votes = settings, 3
        self.known = facts(instances=FENCED, states={1: None, 3: standby(), 4: writable()})
        answers = {3: writable(2)}
        self.plan(promote.server, "ask", lambda _settings, node=None: self.state if node is None else answers[node.number])
        self.assertEqual(self.promote(), 1)
        self.assertEqual(self.tries, [])

    def test_done_before(self):
        self.known = facts(own=writable(2), instances=FENCED)
        self.assertEqual(self.promote(), 0)
        self.assertEqual(self.tries, [])

    def test_a_server_that_is_silent_is_waited_for(self):
        self.plan(promote.proof, "collect", mock.Mock(side_effect=server.Unreachable("down")))
        with self.assertRaises(TimeoutError):
            self.promote()


if __name__ == "__main__":
    unittest.main()
