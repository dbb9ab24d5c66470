"""What a data directory says without a server."""

import os
import tempfile
import unittest

from infra_postgresql import datadir

CONTROL = """pg_control version number:            1300
Database system identifier:           7439261938475629384
Database cluster state:               in production
Latest checkpoint's TimeLineID:       3
Min recovery ending loc's timeline:   0
"""


class Control(unittest.TestCase):
    def test_parse(self):
        self.assertEqual(datadir.parse_control(CONTROL), {"state": "in production", "timeline": 3, "system_id": "7439261938475629384"})

    def test_recovery_is_ahead_of_the_checkpoint(self):
        text = CONTROL.replace("timeline:   0", "timeline:   4")
        self.assertEqual(datadir.parse_control(text)["timeline"], 4)

    def test_unreadable(self):
        self.assertEqual(datadir.parse_control(""), {"state": "", "timeline": 0, "system_id": ""})


class History(unittest.TestCase):
    def test_newest(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(datadir.newest_history(folder), 0)
            os.mkdir(os.path.join(folder, "pg_wal"))
            for name in ("00000002.history", "0000000A.history", "000000010000000000000001", "00000003.history.backup"):
                open(os.path.join(folder, "pg_wal", name), "w", encoding="utf-8").close()
            self.assertEqual(datadir.newest_history(folder), 10)


class Postmaster(unittest.TestCase):
    def test_stale(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIsNone(datadir.postmaster(folder))
            for text in ("", "no number\n", "4194999\n", "%d\n" % os.getpid()):
                with open(os.path.join(folder, "postmaster.pid"), "w", encoding="utf-8") as file:
                    file.write(text)
                self.assertIsNone(datadir.postmaster(folder), text)


if __name__ == "__main__":
    unittest.main()
