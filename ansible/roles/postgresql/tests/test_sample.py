"""The last known position of the primary, and the backstop for when repmgrd does nothing."""

import socket
import threading
import unittest
from unittest import mock

import cluster
from cluster import sampled, standby, writable
from infra_postgresql import agent, fence, journal, sample, server, watch


class Sample(unittest.TestCase):
    def test_file(self):
        settings = cluster.make()
        self.assertIsNone(sample.read(settings))
        sample.write(settings, sampled(streaming=("postgresql-2",)))
        self.assertEqual(sample.read(settings), sampled(streaming=("postgresql-2",)))
        with open(sample.path(settings), "w", encoding="utf-8") as file:
            file.write('{"at": 1')
        self.assertIsNone(sample.read(settings))

    def test_lag(self):
        self.assertEqual(sampled(primary_lsn=1500).lag, 500)
        self.assertEqual(sampled(received_lsn=1500).lag, 0)

    def take(self, primary, replicas):
        settings = cluster.make()
        with mock.patch.object(server, "state", lambda _: primary), mock.patch.object(server, "replicas", lambda _: replicas):
            return sample.take(settings, standby(900), settings.node(1), None)

    def test_take(self):
        replicas = [server.Replica("postgresql-2", "streaming", "quorum", 900), server.Replica("postgresql-3", "catchup", "quorum", 100)]
        found = self.take(writable(lsn=1000), replicas)
        self.assertEqual((found.primary, found.lag, found.sync_state, found.streaming), (1, 100, "quorum", ("postgresql-2",)))

    def test_a_standby_is_no_primary(self):
        self.assertIsNone(self.take(standby(), []))

    def test_not_streaming(self):
        self.assertIsNone(self.take(writable(), []).sync_state)


class Alive(unittest.TestCase):
    def ask(self, answer):
        with socket.create_server(("127.0.0.1", 0)) as listener, mock.patch.object(server, "PORT", listener.getsockname()[1]):
            if answer is not None:
                threading.Thread(target=self.serve, args=(listener, answer), daemon=True).start()
            return server.alive(cluster.make(nodes=[{**cluster.NODES[1], "address": "127.0.0.1"}]).me, patience=0.5 if answer is None else 30)

    def serve(self, listener, answer):
        line, _ = listener.accept()
        with line:
            line.recv(8)
            line.sendall(answer)

    def test_whoever_answers_is_alive(self):
        self.assertTrue(self.ask(b"S"))
        self.assertTrue(self.ask(b"E"))

    def test_whoever_does_not_is_not(self):
        self.assertFalse(self.ask(None))  # connections are accepted by the kernel, also of a frozen server
        self.assertFalse(self.ask(b""))

    def test_nobody_there(self):
        with mock.patch.object(server, "PORT", 9):
            self.assertFalse(server.alive(cluster.make(nodes=[{**cluster.NODES[1], "address": "127.0.0.1"}]).me))


class Watch(unittest.TestCase):
    def setUp(self):
        self.settings, self.now = cluster.make(), 0.0
        self.own, self.paused, self.primary = standby(), False, False
        sample.write(self.settings, sampled())
        self.taken = []
        for target, name, stand_in in (
            (server, "connect", mock.MagicMock()), (server, "state", lambda _: self.own), (server, "rows", lambda *_: [(self.paused,)]),
            (server, "alive", lambda node: node.number == 1 and self.primary), (watch, "take_over", lambda *args: self.taken.append(args[1])),
            (watch.time, "monotonic", lambda: self.now), (journal.sys, "stderr", mock.Mock())):
            patch = mock.patch.object(target, name, stand_in)
            patch.start()
            self.addCleanup(patch.stop)
        self.context = self.make_context()

    def make_context(self, **changes):
        settings = cluster.make(state_directory=self.settings.state_directory, **changes)
        return agent.Context(settings, journal.Journal(settings), mock.Mock(), threading.Event())

    def wait(self, seconds=60):
        for _ in range(seconds):
            self.now += 1
            watch.run(self.context)
            if self.taken:
                return

    def test_it_acts_when_nobody_does(self):
        self.wait()
        self.assertEqual(len(self.taken), 1)
        self.assertGreaterEqual(self.now, watch.PATIENCE)

    def test_not_while_somebody_does(self):
        with fence.alone(self.settings):
            self.wait()
        self.assertEqual(self.taken, [])

    def test_not(self):
        def primary_answers():
            self.primary = True

        def paused():
            self.paused = True

        def primary_itself():
            self.own = writable()

        def by_hand():
            self.context = self.make_context(failover="manual")

        for change in (primary_answers, paused, primary_itself, by_hand):
            with self.subTest(change.__name__):
                self.own, self.primary, self.paused = standby(), False, False
                self.context = self.make_context()
                change()
                self.wait()
                self.assertEqual(self.taken, [])


if __name__ == "__main__":
    unittest.main()
