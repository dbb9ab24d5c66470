"""What happened is kept, whatever happens meanwhile."""

import json
import os
import unittest
from unittest import mock

import cluster
from infra_postgresql import journal


class Journal(unittest.TestCase):
    def setUp(self):
        silence = mock.patch.object(journal.sys, "stderr")
        silence.start()
        self.addCleanup(silence.stop)
        self.settings = cluster.make()
        self.journal = journal.Journal(self.settings)

    def test_entries(self):
        self.journal.record("fenced", 2, target="postgresql-1")
        self.journal.record("promoted", 2)
        self.assertEqual([entry["event"] for entry in self.journal.entries()], ["fenced", "promoted"])
        last = self.journal.last("fenced")
        self.assertEqual((last["node"], last["term"], last["target"]), ("postgresql-2", 2, "postgresql-1"))
        self.assertRegex(last["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(journal.stamp(journal.moment(last["at"])), last["at"])
        self.assertIsNone(self.journal.last("verified"))

    def test_a_line_cut_short_is_skipped(self):
        self.journal.record("one")
        with open(self.journal.path, "a", encoding="utf-8") as file:
            file.write('{"event": "tw\n')
        self.journal.record("three")
        self.assertEqual([entry["event"] for entry in self.journal.entries()], ["one", "three"])

    def test_a_long_journal_begins_anew_and_keeps_the_old_one(self):
        with mock.patch.object(journal, "LIMIT", 100):
            self.journal.record("one")
            self.journal.record("two")
        self.assertTrue(os.path.exists(self.journal.path + ".1"))
        self.assertEqual([entry["event"] for entry in self.journal.entries()][-1], "two")

    def test_a_disk_that_is_full_stops_nothing(self):
        with mock.patch.object(journal.os, "open", side_effect=OSError("no space left")):
            self.journal.record("fenced")

    def test_several_processes_write_whole_lines(self):
        children = []
        for _ in range(4):
            child = os.fork()
            if not child:
                for number in range(200):
                    self.journal.record("busy", number, filling="x" * 300)
                os._exit(0)
            children.append(child)
        for child in children:
            os.waitpid(child, 0)
        with open(self.journal.path, encoding="utf-8") as file:
            self.assertEqual(len([json.loads(line) for line in file]), 800)


class Once(unittest.TestCase):
    def test_a_wait_is_told_when_it_changes_and_now_and_then(self):
        now = [0.0]
        diary = mock.Mock()
        once = journal.Once(diary, clock=lambda: now[0])
        told = []
        for second, reason in ((0, "a"), (1, "a"), (2, "b"), (3, "b"), (40, "b"), (41, "a")):
            now[0] = float(second)
            told.append(once.wait(reason))
        self.assertEqual(told, [True, False, True, False, True, True])


if __name__ == "__main__":
    unittest.main()
