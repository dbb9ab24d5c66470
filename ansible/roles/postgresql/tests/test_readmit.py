"""Which node's fence ends."""

import unittest

import cluster
from infra_postgresql import readmit

NODE = cluster.make().node(1)


class Readmissible(unittest.TestCase):
    def test_table(self):
        table = {
            "streams and is in recovery": ({"postgresql-1"}, cluster.standby(), True),
            "does not stream": (set(), cluster.standby(), False),
            "another streams": ({"postgresql-3"}, cluster.standby(), False),
            "takes writes": ({"postgresql-1"}, cluster.writable(), False),
            "is silent": ({"postgresql-1"}, None, False),
        }
        for name, (streaming, state, want) in table.items():
            with self.subTest(name):
                self.assertEqual(readmit.readmissible(NODE, streaming, state), want)


if __name__ == "__main__":
    unittest.main()
