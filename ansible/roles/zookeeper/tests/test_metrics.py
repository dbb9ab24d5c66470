"""What is published follows from what the server says."""

from __future__ import annotations

import unittest

import infra_zookeeper_metrics as metrics

LEADER = """zk_version\t3.8.0-5a02a05, built on 2024
zk_server_state\tleader
zk_outstanding_requests\t2
zk_cnt_readlatency\t30
zk_sum_readlatency\t60
zk_cnt_updatelatency\t10
zk_sum_updatelatency\t90
zk_p99_fsynctime\t7.0
zk_num_alive_connections\t4
zk_open_file_descriptor_count\t131
zk_max_file_descriptor_count\t65536
zk_znode_count\t905
zk_synced_followers\t3
zk_synced_non_voting_followers\t1
"""
SETTINGS = {"cluster": "prod-zookeeper", "instance": "i-1"}


class Metrics(unittest.TestCase):
    def test_leader(self):
        numbers = metrics.values(LEADER)
        self.assertEqual(metrics.state(LEADER), "leader")
        self.assertEqual(metrics.of_ensemble(numbers, 5, 3), {"leaders": 1, "synced_followers": 2, "voters": 3, "znodes": 905, "elections": 2})
        before = {"cnt_readlatency": 20, "sum_readlatency": 50, "cnt_updatelatency": 10, "sum_updatelatency": 60}
        self.assertEqual(metrics.of_server(numbers, before, 128.0, 512.0), {
            "outstanding_requests": 2, "avg_latency_ms": 4, "fsync_p99_ms": 7, "connections": 4,
            "open_descriptors_percent": 100 * 131 / 65536, "heap_used_percent": 25})

    def test_unknown_is_left_out(self):
        self.assertEqual(metrics.of_server({}, {}, None, 512.0), {})
        self.assertIsNone(metrics.latency({"cnt_readlatency": 1, "sum_readlatency": 3}, {"cnt_readlatency": 9, "sum_readlatency": 30}))
        self.assertNotIn("elections", metrics.of_ensemble({}, 5, None))
        self.assertNotIn("elections", metrics.of_ensemble({}, None, 5))

    def test_a_server_that_does_not_serve(self):
        self.assertEqual(metrics.state("This ZooKeeper instance is not currently serving requests"), "")
        self.assertIsNone(metrics.epoch(""))

    def test_reign(self):
        self.assertEqual(metrics.epoch("Mode: leader\nZxid: 0x500000007\n"), 5)

    def test_heap(self):
        log = ("[0.9s] GC(0) Pause Young (Normal) (G1 Evacuation Pause) 25M->4M(512M) 3.2ms\n"
               "[2.0s] GC(1) Concurrent Mark Cycle 9.1ms\n"
               "[9.0s] GC(2) Pause Young (Normal) (G1 Evacuation Pause) 1G->96M(2048M) 5.0ms\n")
        self.assertEqual(metrics.heap_after_collection(log), 96)
        self.assertIsNone(metrics.heap_after_collection("[0.001s] Using G1\n"))

    def test_dimensions(self):
        got = metrics.data(SETTINGS, {"connections": 1}, {"voters": 3})
        self.assertEqual([(one["MetricName"], len(one["Dimensions"])) for one in got], [("connections", 2), ("voters", 1)])


if __name__ == "__main__":
    unittest.main()
