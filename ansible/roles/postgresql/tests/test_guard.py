"""Which server may start."""

import unittest

from infra_postgresql import guard, server


def state(writable=False, timeline=1):
    """A peer's answer."""
    return server.State(not writable, False, "1", timeline, 0, 0, None, None)


STANDBY, NEWER, PRIMARY = state(), state(timeline=2), state(writable=True, timeline=2)


class Judge(unittest.TestCase):
    def test_table(self):
        table = {
            # name: (peers, fenced, permit, seconds waited, action)
            "all in recovery": ({"b": STANDBY}, "", False, 0, guard.START),
            "two standbys": ({"b": STANDBY, "c": STANDBY}, "", False, 0, guard.START),
            "another takes writes": ({"b": PRIMARY}, "", False, 0, guard.REFUSE),
            "another takes writes, whatever the permit says": ({"b": PRIMARY}, "", True, 0, guard.REFUSE),
            "another takes writes, one is silent": ({"b": PRIMARY, "c": None}, "", False, 0, guard.REFUSE),
            "fenced": ({"b": STANDBY}, "2", False, 0, guard.REFUSE),
            "fenced, whatever the permit says": ({"b": STANDBY}, "2", True, 0, guard.REFUSE),
            "fenced and alone": ({"b": None}, "2", False, 0, guard.REFUSE),
            "silent": ({"b": None}, "", False, 0, guard.WAITING),
            "one of two silent": ({"b": STANDBY, "c": None}, "", False, 89, guard.WAITING),
            "silent for long": ({"b": None}, "", False, 91, guard.REFUSE),
            "permit": ({"b": None}, "", True, 0, guard.START),
            "permit without API": ({"b": None}, None, True, 0, guard.START),
            "newer timeline": ({"b": NEWER}, "", False, 0, guard.REFUSE),
            "newer timeline, one silent": ({"b": NEWER, "c": None}, "", False, 0, guard.REFUSE),
            "API silent": ({"b": STANDBY}, None, False, 0, guard.WAITING),
            "API silent for long": ({"b": STANDBY}, None, False, 31, guard.START),
            "API silent for long, a peer too": ({"b": None}, None, False, 91, guard.REFUSE),
        }
        for name, (peers, fenced, permit, waited, action) in table.items():
            with self.subTest(name):
                verdict = guard.judge(peers, 1, fenced, permit, waited)
                self.assertEqual(verdict.action, action, verdict.reason)
                self.assertTrue(verdict.reason)


class Permit(unittest.TestCase):
    def test_used_once(self):
        import os
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "permit")
            self.assertFalse(guard.take_permit(path))
            open(path, "w", encoding="utf-8").close()
            self.assertTrue(guard.take_permit(path))
            self.assertFalse(guard.take_permit(path))


if __name__ == "__main__":
    unittest.main()
