"""The guard lets a server start that may vote under its id, and only that."""

from __future__ import annotations

import pathlib
import subprocess
import tempfile
import unittest

TEMPLATE = pathlib.Path(__file__).parent.parent / "templates" / "zookeeper-guard.sh.j2"


class Guard(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.data, self.log = pathlib.Path(folder.name, "data"), pathlib.Path(folder.name, "log")
        for directory in (self.data, self.log):
            (directory / "version-2").mkdir(parents=True)
            (directory / "infra-member").write_text("3\n")
        (self.data / "myid").write_text("3\n")

    def started(self) -> str:
        """What the guard says against a start; empty: nothing."""
        text = TEMPLATE.read_text(encoding="utf-8")
        text = text.replace("{{ zookeeper_data_directory }}", str(self.data)).replace("{{ zookeeper_log_directory }}", str(self.log))
        done = subprocess.run(["/bin/sh", "-s"], input=text, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode == 0, not done.stderr)
        return done.stderr

    def test_a_member_with_its_data(self):
        (self.log / "version-2" / "log.1").write_bytes(b"ZKLG" + bytes(12))
        self.assertEqual(self.started(), "")
        self.assertTrue((self.log / "version-2" / "log.1").exists())

    def test_no_data(self):
        self.assertIn("its data are gone", self.started())

    def test_a_new_member(self):
        (self.data / "infra-new").touch()
        self.assertEqual(self.started(), "")

    def test_the_log_of_another_member(self):
        (self.log / "infra-member").write_text("2\n")
        self.assertIn("does not hold the data of member 3", self.started())

    def test_a_log_begun_on_a_full_disk_is_none(self):
        for name, size in (("log.1", 16), ("log.2", 15), ("log.3", 0)):
            (self.log / "version-2" / name).write_bytes(bytes(size))
        self.assertEqual(self.started(), "")
        self.assertEqual([file.name for file in (self.log / "version-2").iterdir()], ["log.1"])

    def test_such_a_log_alone_is_no_data(self):
        (self.log / "version-2" / "log.3").touch()
        self.assertIn("its data are gone", self.started())


if __name__ == "__main__":
    unittest.main()
