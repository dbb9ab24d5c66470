"""A server that could not write its transaction log does not go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import unittest

import infra_zookeeper_run as run

SEVERE = "ERROR org.apache.zookeeper.server.ZooKeeperCriticalThread - Severe unrecoverable error, from thread : SyncThread:6"
FULL = "java.io.IOException: No space left on device"


def started(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, run.__file__, "/bin/sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


class Run(unittest.TestCase):
    def test_it_is_killed_when_the_disk_was_full(self):
        server = started("echo before >&2; echo '%s' >&2; echo other >&2; echo '%s' >&2; exec sleep 300" % (SEVERE, FULL))
        _, log = server.communicate(timeout=60)
        self.assertEqual(server.returncode, -signal.SIGKILL)
        self.assertEqual(log.decode().splitlines()[:4], ["before", SEVERE, "other", FULL])
        self.assertIn("killed", log.decode())

    def test_it_goes_on_when_a_thread_ended_for_another_reason(self):
        """As happens to a learner that joins under load: the thread after it writes a log that is whole."""
        for lines in ([SEVERE, "java.lang.NullPointerException: this.learner.sock is null"], [SEVERE, "java.io.IOException: Broken pipe"],
                      [FULL], [SEVERE, *["\tat somewhere"] * 20, FULL]):  # fmt: skip
            with self.subTest(lines[-1]):
                server = started("printf '%s\n' >&2; exit 7" % "\\n".join(lines))
                _, log = server.communicate(timeout=60)
                self.assertEqual(server.returncode, 7)
                self.assertIn(lines[-1], log.decode())

    def test_it_goes_on_after_any_other_error(self):
        server = started("echo 'ERROR org.apache.zookeeper.server.quorum.Learner - Unexpected' >&2; echo out; exit 7")
        out, log = server.communicate(timeout=60)
        self.assertEqual((server.returncode, out), (7, b"out\n"))
        self.assertIn("Unexpected", log.decode())

    def test_the_server_is_the_process_that_was_started(self):
        server = started("echo $$")
        out, _ = server.communicate(timeout=60)
        self.assertEqual(int(out), server.pid)

    def test_what_it_says_last_is_kept_when_it_is_stopped(self):
        server = started("trap 'echo last >&2; exit 143' TERM; echo ready; while :; do sleep 0.1; done")
        self.assertEqual(server.stdout.readline(), b"ready\n")
        os.killpg(server.pid, signal.SIGTERM)  # as systemd does: to all of the service
        _, log = server.communicate(timeout=60)
        self.assertEqual(server.returncode, 143)
        self.assertIn("last", log.decode())


if __name__ == "__main__":
    unittest.main()
