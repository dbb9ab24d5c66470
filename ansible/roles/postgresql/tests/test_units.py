"""Which units are enabled, started and restarted."""

from __future__ import annotations

import importlib.util
import pathlib
import unittest

PATH = pathlib.Path(__file__).resolve().parents[3] / "collections/ansible_collections/infra/host/plugins/modules/units.py"
SPEC = importlib.util.spec_from_file_location("units", PATH)
UNITS = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(UNITS)

# As systemd 252 prints it for a service that runs, a timer that was never
# enabled, one that systemd starts again, and a unit that it does not know.
SHOWN = """LoadState=loaded
ActiveState=active
UnitFileState=enabled

LoadState=loaded
ActiveState=inactive
UnitFileState=disabled

LoadState=loaded
ActiveState=activating
UnitFileState=enabled

LoadState=not-found
ActiveState=inactive
UnitFileState=
"""
NAMES = ["runs.service", "new.timer", "again.service", "unknown.path"]


class Wanting(unittest.TestCase):
    def setUp(self):
        self.units = UNITS.parse(NAMES, SHOWN)

    def test_what_systemd_says_is_understood(self):
        self.assertEqual(self.units["runs.service"], {"LoadState": "loaded", "ActiveState": "active", "UnitFileState": "enabled"})
        self.assertEqual(self.units["unknown.path"]["LoadState"], "not-found")

    def test_what_runs_is_left_alone(self):
        self.assertEqual(UNITS.wanting({"runs.service": self.units["runs.service"]}, []), {"enable": [], "restart": [], "start": []})

    def test_the_rest_is_enabled_and_started(self):
        todo = UNITS.wanting(self.units, [])
        self.assertEqual(todo["enable"], ["new.timer", "unknown.path"])
        self.assertEqual(todo["start"], ["new.timer", "unknown.path"])
        self.assertEqual(todo["restart"], [])

    def test_only_what_runs_is_restarted(self):
        todo = UNITS.wanting(self.units, ["again.service", "new.timer"])
        self.assertEqual(todo["restart"], ["again.service"])
        self.assertEqual(todo["start"], ["new.timer", "unknown.path"])


if __name__ == "__main__":
    unittest.main()
