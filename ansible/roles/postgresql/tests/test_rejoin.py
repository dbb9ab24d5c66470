"""The order in which a node is made a standby again, and what an interruption leaves."""

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import types
import unittest
from unittest import mock

import cluster
from infra_postgresql import datadir, disposition, evidence, journal, program, rebuild, rejoin, restart, server

FORMER = datadir.Directory(True, standby=False, timeline=1, clean=False, system_id="1")


class Node:
    """A former primary whose tools are replaced; calls holds which were used, failing which of them fail."""

    def __init__(self, *failing, backup=False, note=None):
        self.settings = cluster.make(number=1, name="postgresql-1", role="primary")
        self.diary = journal.Journal(self.settings)
        self.calls, self.failing, self.backup = [], set(failing), backup
        if note:
            rejoin.mark(self.settings, **note)

    def tool(self, name):
        """Return a stand-in."""
        def call(*_args, **_kwargs):
            self.calls.append(name)
            if name in self.failing:
                raise program.Failed("%s failed" % name)
        return call

    def run(self, directory=FORMER):
        """Perform a rejoin; return the method, None when it failed."""
        names = ["settle", "end_crash_recovery", "rewind", "restore", "clone", "start", "stop", "register"]
        view = disposition.View(directory=directory, own=None, peers={2: cluster.writable(2)}, addresses={})
        memory = types.SimpleNamespace(tries=1)
        with mock.patch.multiple(rebuild, **{name: self.tool(name) for name in names}), \
                mock.patch.object(rebuild, "await_stream", lambda *_: None), \
                mock.patch.object(rebuild, "backed_up", lambda _settings: self.backup), \
                mock.patch.object(evidence, "capture", self.tool("evidence")):
            rejoin.perform(self.settings, self.diary, None, memory, view, disposition.Step(disposition.REJOIN, "a test"))
        return getattr(memory, "method", None)


class Order(unittest.TestCase):
    def test_rewind(self):
        node = Node()
        self.assertEqual(node.run(), "rewind")
        self.assertEqual(node.calls, ["evidence", "settle", "end_crash_recovery", "rewind"])
        self.assertTrue(rejoin.read_mark(node.settings)["touched"])

    def test_copies_when_it_cannot_be_rewound(self):
        node = Node("rewind")
        self.assertEqual(node.run(), "clone")
        self.assertEqual(node.calls, ["evidence", "settle", "end_crash_recovery", "rewind", "clone", "start", "register"])

    def test_copies_when_crash_recovery_fails(self):
        node = Node("end_crash_recovery")
        self.assertEqual(node.run(), "clone")
        self.assertNotIn("rewind", node.calls)

    def test_restores_a_backup_first(self):
        node = Node("rewind", backup=True)
        self.assertEqual(node.run(), "restore")
        self.assertNotIn("clone", node.calls)

    def test_copies_from_the_primary_when_the_backup_fails(self):
        node = Node("rewind", "restore", backup=True)
        self.assertEqual(node.run(), "clone")

    def test_what_an_interrupted_rewind_left_is_copied_over(self):
        node = Node(note={"touched": True, "evidence": "/somewhere"})
        self.assertEqual(node.run(), "clone")
        self.assertEqual(node.calls, ["settle", "clone", "start", "register"])

    def test_the_data_is_left_alone_while_there_is_no_settled_primary(self):
        node = Node("settle")
        self.assertIsNone(node.run())
        self.assertFalse(rejoin.read_mark(node.settings).get("touched"))

    def test_asks_for_replacement(self):
        node = Node("rewind", "clone")
        with mock.patch.object(disposition, "TRIES", 1):
            self.assertIsNone(node.run())
        self.assertTrue(rejoin.read_mark(node.settings)["wanted"])
        self.assertIsNotNone(node.diary.last("replacement_wanted"))


class Rewind(unittest.TestCase):
    def run_with(self, words):
        """Rewind while repmgr ends with these words; return which tools were used after it."""
        settings, used = cluster.make(), []
        with mock.patch.object(program, "run", mock.Mock(side_effect=program.Failed(words))), \
                mock.patch.object(rebuild, "switching", lambda *_: contextlib.nullcontext()), \
                mock.patch.object(rebuild, "start", lambda _settings: used.append("start")), \
                mock.patch.object(rebuild, "register", lambda *_: used.append("register")):
            try:
                rebuild.rewind(settings, settings.node(1))
            except program.Failed:
                used.append("failed")
        return used

    def test_a_slow_start_is_no_failed_rewind(self):
        self.assertEqual(self.run_with('did not end in 60 s: NOTICE: starting server using "sudo"'), ["start", "register"])

    def test_a_slow_rewind_is(self):
        self.assertEqual(self.run_with("did not end in 60 s: NOTICE: executing pg_rewind"), ["failed"])


class Mark(unittest.TestCase):
    def test_damaged(self):
        settings = cluster.make()
        self.assertEqual(rejoin.read_mark(settings), {})
        with open(rejoin.mark_path(settings), "w", encoding="utf-8") as file:
            file.write("{")
        self.assertTrue(rejoin.read_mark(settings)["touched"])

    def test_lock_is_one_processes(self):
        settings = cluster.make()
        with rejoin.lock(settings) as first, rejoin.lock(settings) as second:
            self.assertTrue(first)
            self.assertFalse(second)
        with rejoin.lock(settings) as third:
            self.assertTrue(third)


    def test_lock_outlives_its_process_while_a_program_runs(self):
        settings = cluster.make()
        code = ("import sys; sys.path[:0] = sys.argv[2:]; import types; from infra_postgresql import program, rejoin\n"
                "with rejoin.lock(types.SimpleNamespace(state_directory=sys.argv[1])):\n"
                "    program.run(['sleep', '600'], 600)\n")
        agent = subprocess.Popen([sys.executable, "-c", code, settings.state_directory, *sys.path])
        try:
            deadline = time.monotonic() + 60
            while not children(agent.pid) and time.monotonic() < deadline:
                time.sleep(0.1)
            orphans = children(agent.pid)
            self.assertTrue(orphans)
        finally:
            agent.kill()
            agent.wait()
        with rejoin.lock(settings) as mine:
            self.assertFalse(mine)
        for orphan in orphans:
            os.kill(orphan, signal.SIGKILL)


def children(number):
    """Return the process ids of a process' children."""
    with open("/proc/%d/task/%d/children" % (number, number), encoding="utf-8") as file:
        return [int(word) for word in file.read().split()]


class Evidence(unittest.TestCase):
    def test_what_is_missing_stops_nothing(self):
        settings = cluster.make(backup_bucket="bucket", data_directory="/nowhere", bin_directory="/nowhere")
        diary, stored = journal.Journal(settings), {}
        diary.record("something")
        api = types.SimpleNamespace(put_object=lambda bucket, key, data: stored.update({(bucket, key): data}))
        with mock.patch.object(program, "run", mock.Mock(side_effect=program.Failed("no journal"))):
            folder = evidence.capture(settings, diary, api, "a test", {1: None})
        with open(os.path.join(folder, "summary.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["peers"], {"postgresql-1": None})
        self.assertTrue(os.path.exists(os.path.join(folder, "wal.txt.missing")))
        (bucket, key), = stored
        self.assertEqual(bucket, "bucket")
        self.assertRegex(key, r"^evidence/test/postgresql-2/\d{8}T\d{6}Z\.tar\.gz$")
        self.assertEqual(diary.last("evidence_stored")["address"], "s3://bucket/" + key)


class Ending(unittest.TestCase):
    def test_forgets_the_election(self):
        # repmgrd once followed the word of an election before, to a dead node, and ended.
        node = Node()
        with mock.patch.object(rebuild, "forget_election", node.tool("forget_election")), \
                mock.patch.object(rebuild, "tidy", node.tool("tidy")):
            rejoin.finish(node.settings, node.diary)
        self.assertEqual(node.calls, ["forget_election"])  # nothing else without a rejoin under way

    def test_by_hand_forgives(self):
        node, said = Node(), []
        streaming = server.State(True, False, "1", 2, 0, 0, "streaming", "10.0.1.1")
        with mock.patch.object(server, "ask", lambda *_: streaming), \
                mock.patch.object(server, "connect", lambda _settings, to: contextlib.nullcontext(to.name)), \
                mock.patch.object(server, "rows", lambda to, statement, values: said.append((to, statement, values))):
            rejoin.forgive(node.settings, node.diary)
        self.assertEqual(said, [("postgresql-2", restart.FORGIVE, (1, "infra pg rejoin"))])


class CutOff(unittest.TestCase):
    def look(self, own, action=disposition.DONE):
        """Return whether a node is looked at before its time."""
        def ask(_settings):
            if own is None:
                raise server.Unreachable("down")
            return own
        with mock.patch.object(server, "ask", ask):
            return rejoin.cut_off(cluster.make(), types.SimpleNamespace(action=action))

    def test_table(self):
        streaming, alone = cluster.standby(), dataclasses.replace(cluster.standby(), receiver=None, sender=None)
        self.assertFalse(self.look(streaming))
        self.assertTrue(self.look(alone))
        self.assertFalse(self.look(alone, disposition.NOTHING))
        self.assertFalse(self.look(cluster.writable()))
        self.assertFalse(self.look(None))


if __name__ == "__main__":
    unittest.main()
