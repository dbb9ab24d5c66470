"""Programs are run with a limit, and leave nothing behind."""

import os
import sys
import tempfile
import time
import unittest

from infra_postgresql import program


class Run(unittest.TestCase):
    def test_output(self):
        self.assertEqual(program.run(["/bin/echo", "hello"], 60), "hello\n")

    def test_failure_tells_the_last_words(self):
        with self.assertRaisesRegex(program.Failed, "python.* ended with 3: the cause"):
            program.run([sys.executable, "-c", "import sys; print('the cause'); sys.exit(3)"], 60)

    def test_missing(self):
        with self.assertRaisesRegex(program.Failed, "no-such-program"):
            program.run(["/no-such-program"], 60)

    def test_limit_ends_children_too(self):
        with tempfile.TemporaryDirectory() as folder:
            note = os.path.join(folder, "child")
            code = ("import subprocess, sys; child = subprocess.Popen(['sleep', '600']);"
                    "open(sys.argv[1], 'w').write(str(child.pid)); child.wait()")
            with self.assertRaisesRegex(program.Failed, "did not end in 2 s"):
                program.run([sys.executable, "-c", code, note], 2)
            with open(note, encoding="utf-8") as file:
                child = int(file.read())
        deadline = time.monotonic() + 60
        while running(child) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertFalse(running(child))


def running(number):
    """Whether a process runs; one that nobody has waited for yet does not."""
    try:
        with open("/proc/%d/stat" % number, encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    unittest.main()
