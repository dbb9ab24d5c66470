"""What cannot be measured is left out, and what is published is what the alarms watch."""

import re
import types
import unittest
from pathlib import Path
from unittest import mock

import cluster
from infra_postgresql import cloud, metrics, server

ALARMS = Path(__file__).resolve().parents[4] / "terraform" / "layers" / "postgresql" / "alarms.tf"


def unreachable(*_args, **_kwargs):
    """Stand for a server that is silent."""
    raise server.Unreachable("silent")


class Measure(unittest.TestCase):
    def context(self, refusal=None):
        def rehearse(_node):
            if refusal:
                raise refusal
        return types.SimpleNamespace(settings=cluster.make(data_directory="/nowhere"), cloud=types.SimpleNamespace(rehearse=rehearse),
                                     journal=types.SimpleNamespace(entries=lambda *_events: []), memory=types.SimpleNamespace())

    def test_silence_is_no_zero(self):
        with mock.patch.object(server, "connect", unreachable), mock.patch.object(server, "ask", unreachable), \
                mock.patch.object(metrics.datadir, "postmaster", lambda _path: 1), mock.patch.object(metrics, "of_backup", lambda _context: {}):
            figures, problems = metrics.measure(self.context())
        self.assertEqual(figures, {"failovers": 0, "fence_rehearsal_failures": 0, "replacement_wanted": 0})
        self.assertEqual([problem.split(":")[0] for problem in problems], ["failover_manager", "writable", "of_server", "wal_disk"])

    def test_a_server_that_does_not_run_takes_no_writes(self):
        with mock.patch.object(server, "ask", unreachable):
            self.assertEqual(metrics.writable(self.context()), {"writable": 0})

    def test_each_failover_counts_once(self):
        context = self.context()
        entries = []
        context.journal.entries = lambda *_events: entries
        counts = []
        for event in (None, {"event": "fenced"}, {"event": "promoted"}, None):
            entries.extend([event] if event else [])
            counts.append(metrics.failovers(context)["failovers"])
        self.assertEqual(counts, [0, 1, 1, 0])

    def test_no_fence_is_told(self):
        self.assertEqual(metrics.rehearsal(self.context(cloud.CloudError("StopInstances", "denied"))), {"fence_rehearsal_failures": 1})

    def test_clocks_differ(self):
        self.assertEqual(metrics.never_negative(-0.1), 0)
        self.assertIsNone(metrics.never_negative(None))


class Names(unittest.TestCase):
    def test_every_alarm_has_its_metric(self):
        watched = set(re.findall(r'metric(?:_name)?\s+= "([a-z_]+)"', ALARMS.read_text(encoding="utf-8")))
        self.assertGreater(len(watched), 15)
        modules = Path(metrics.__file__).parent
        program = "".join((modules / name).read_text(encoding="utf-8") for name in ("metrics.py", "repository.py"))
        for name in sorted(watched):
            with self.subTest(name):
                self.assertRegex(program, r"\b%s\b" % name)


if __name__ == "__main__":
    unittest.main()
