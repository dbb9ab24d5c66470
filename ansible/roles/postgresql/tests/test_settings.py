"""Settings that are wrong are refused as a whole."""

import unittest

import cluster
from infra_postgresql import settings


class Decode(unittest.TestCase):
    def test_shape(self):
        found = cluster.make(unknown="left alone")
        self.assertEqual((found.me.name, found.lag_limit_bytes, found.synchronous), ("postgresql-2", 16777216, False))
        self.assertEqual([node.name for node in found.others], ["postgresql-1", "postgresql-witness"])
        self.assertEqual([node.name for node in found.other_data_nodes], ["postgresql-1"])
        self.assertEqual(found.endpoint.allocation_id, "eipalloc-1")
        self.assertIsNone(found.named("stranger"))

    def test_refused(self):
        raw = dict(cluster.RAW)
        del raw["region"]
        for name, wrong in {"a key is missing": raw, "not a node": {**cluster.RAW, "number": 9}, "a node without address":
                            {**cluster.RAW, "nodes": [{"number": 2, "name": "postgresql-2"}]}}.items():
            with self.subTest(name), self.assertRaises(ValueError):
                settings.decode(wrong)


if __name__ == "__main__":
    unittest.main()
