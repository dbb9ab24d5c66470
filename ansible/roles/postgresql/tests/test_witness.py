"""When the witness is registered again, and repmgrd restarted."""

import unittest

import cluster
from infra_postgresql import witness

SETTINGS = cluster.make()
WITNESS = next(node for node in SETTINGS.nodes if node.witness)
ON_WITNESS = cluster.make(number=WITNESS.number, name=WITNESS.name, role="witness")


class Judge(unittest.TestCase):
    def test_table(self):
        primary = SETTINGS.node(2)
        table = {
            # name: (settings, table, known, watched, running, what is wrong: None, "table" or "repmgrd")
            "all is well": (ON_WITNESS, 2, 2, 2, True, None),
            "repmgrd does not know yet": (ON_WITNESS, 2, 2, -1, True, None),
            "orphaned": (ON_WITNESS, 1, 1, 1, True, "table"),
            "the primary does not know the witness": (ON_WITNESS, 2, None, 2, True, "table"),
            "only the own table is old": (ON_WITNESS, 1, 2, 2, True, "table"),
            "repmgrd watches the former primary": (ON_WITNESS, 2, 2, 1, True, "repmgrd"),
            "repmgrd is down: systemd starts it": (ON_WITNESS, 2, 2, 1, False, None),
            "a standby's table is the primary's": (SETTINGS, 1, 1, 2, True, None),
            "a standby's repmgrd watches the former primary": (SETTINGS, 2, 2, 3, True, "repmgrd"),
        }
        for name, (settings, table_, known, watched, running, want) in table.items():
            with self.subTest(name):
                wrong = witness.judge(settings, witness.Seen(primary, table_, known, watched, running))
                self.assertEqual(None if wrong is None else "table" if wrong[1] else "repmgrd", want)


class OnePrimary(unittest.TestCase):
    def test_none_of_two(self):
        self.assertIsNone(witness.one_primary(SETTINGS, {1: None, 2: cluster.standby()}))
        self.assertEqual(witness.one_primary(SETTINGS, {1: None, 2: cluster.writable()}).number, 2)
        self.assertIsNone(witness.one_primary(SETTINGS, {1: cluster.writable(), 2: cluster.writable()}))


if __name__ == "__main__":
    unittest.main()
