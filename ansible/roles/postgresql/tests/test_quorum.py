"""What may be done, by what is known."""

import unittest

import cluster
from cluster import NODES, facts, instance, sampled, sight, standby, writable
from infra_postgresql import quorum

FOUR = cluster.make(nodes=NODES)
THREE = cluster.make()
SYNC = cluster.make(nodes=NODES, synchronous=True)


class MayFence(unittest.TestCase):
    def test_table(self):
        both = {1: None, 3: standby(), 4: writable()}
        table = {
            # name: (settings, facts, act, part of the reason)
            "as usual": (THREE, facts(), quorum.GO, "2 of 3"),
            "the API is silent": (THREE, facts(instances={}), quorum.GO, ""),
            "the primary answers": (THREE, facts(states={1: writable(), 4: writable()}), quorum.CANCEL, "postgresql-1 answers"),
            "the primary is in recovery": (THREE, facts(states={1: standby(), 4: writable()}), quorum.GO, ""),
            "alone": (THREE, facts(states={1: None, 4: None}), quorum.WAIT, "no quorum: 1 of 3"),
            "half": (FOUR, facts(states={1: None, 3: None, 4: writable()}), quorum.WAIT, "no quorum: 2 of 4"),
            "three of four": (FOUR, facts(states=both), quorum.GO, "3 of 4"),
            "the witness sees the primary": (THREE, facts(seen={2: sight(1, 5), 4: sight(1, 1)}), quorum.WAIT, "postgresql-witness saw the primary 1 s ago"),
            "the witness watches another": (THREE, facts(seen={2: sight(1, 5), 4: sight(2, 0)}), quorum.GO, ""),
            "the witness never saw it": (THREE, facts(seen={2: sight(1, 5), 4: sight(1, None)}), quorum.GO, ""),
            "a sibling sees the primary": (FOUR, facts(states=both, seen={3: sight(1, 0)}), quorum.WAIT, "postgresql-3 saw"),
            "own eyes do not count": (THREE, facts(seen={2: sight(1, 1), 4: sight(1, 6)}), quorum.GO, ""),
            "fenced itself": (THREE, facts(instances={1: instance(1), 2: instance(2, fenced="2")}), quorum.WAIT, "fenced itself, in term 2"),
            "stopping itself": (THREE, facts(instances={2: instance(2, "stopping")}), quorum.WAIT, "this node is stopping"),
            "no sample": (THREE, facts(sample=None), quorum.WAIT, "never known"),
            "a sample of another primary": (THREE, facts(seen={2: sight(3, 5)}), quorum.WAIT, "never known"),
            "repmgrd does not run here": (THREE, facts(seen={2: sight(-1, None), 4: sight(1, 5)}), quorum.GO, ""),
            "too far behind": (THREE, facts(sample=sampled(primary_lsn=1001 + THREE.lag_limit_bytes)), quorum.WAIT, "bytes behind"),
            "as far behind as allowed": (THREE, facts(sample=sampled(primary_lsn=1000 + THREE.lag_limit_bytes)), quorum.GO, ""),
            "cut off long before the primary failed": (THREE, facts(sample=sampled(at=cluster.NOW - 600)), quorum.WAIT, "alive for 595 s"),
            "cut off long before the host was stopped": (
                THREE, facts(sample=sampled(at=cluster.NOW - 600), instances={1: instance(1, "stopped")}), quorum.WAIT, "alive for 595 s"),
            "waiting for an hour": (THREE, facts(sample=sampled(at=cluster.NOW - 3600), seen={2: sight(1, 3600), 4: sight(1, 3601)}), quorum.GO, ""),
            "on an older timeline": (THREE, facts(sample=sampled(timeline=2)), quorum.WAIT, "timeline 1, the primary on 2"),
            "not in sync": (SYNC, facts(states=both), quorum.WAIT, "not in sync (async)"),
            "in sync": (SYNC, facts(states=both, sample=sampled(sync_state="quorum", streaming=("postgresql-2",))), quorum.GO, ""),
            "in sync with a silent other": (
                SYNC, facts(states={**both, 3: None}, sample=sampled(sync_state="quorum", streaming=("postgresql-2", "postgresql-3"))),
                quorum.WAIT, "no quorum"),
            "another is ahead": (
                SYNC, facts(states={**both, 3: standby(1001)}, sample=sampled(sync_state="quorum", streaming=("postgresql-2", "postgresql-3"))),
                quorum.WAIT, "postgresql-3 is ahead"),
            "another is level": (
                SYNC, facts(states=both, sample=sampled(sync_state="quorum", streaming=("postgresql-2", "postgresql-3"))), quorum.GO, ""),
        }
        for name, (settings, known, act, reason) in table.items():
            with self.subTest(name):
                verdict = quorum.may_fence(settings, known)
                self.assertEqual(verdict.act, act, verdict.reason)
                self.assertIn(reason, verdict.reason)

    def test_a_synchronous_standby_that_is_missing_may_hold_rows(self):
        five = [*NODES, {**NODES[2], "number": 5, "name": "postgresql-5"}]
        settings = cluster.make(nodes=five, synchronous=True)
        known = facts(states={1: None, 3: None, 4: writable(), 5: standby()},
                      sample=sampled(sync_state="quorum", streaming=("postgresql-2", "postgresql-3")))
        self.assertIn("postgresql-3 may hold rows", quorum.may_fence(settings, known).reason)

    def test_a_person_may_waive_the_lag_but_not_the_quorum(self):
        behind = facts(sample=sampled(primary_lsn=10**12), states={1: writable(), 4: writable()})
        self.assertFalse(quorum.may_fence_by_hand(THREE, behind).go)
        self.assertTrue(quorum.may_fence_by_hand(THREE, behind, accept_loss=True).go)
        alone = facts(states={1: None, 4: None})
        self.assertFalse(quorum.may_fence_by_hand(THREE, alone, accept_loss=True).go)


class MayPromote(unittest.TestCase):
    def test_table(self):
        down = {1: instance(1, "stopped"), 2: instance(2)}
        table = {
            "fenced": (facts(instances=down), quorum.GO),
            "terminated": (facts(instances={1: instance(1, "terminated")}), quorum.GO),
            "stopping is no proof": (facts(instances={1: instance(1, "stopping")}), quorum.WAIT),
            "unknown to the API": (facts(instances={2: instance(2)}), quorum.WAIT),
            "the API is silent": (facts(instances={}), quorum.WAIT),
            "in recovery by its own word": (facts(states={1: standby(), 4: writable()}, instances={}), quorum.GO),
            "it takes writes": (facts(states={1: writable(), 4: writable()}, instances=down), quorum.CANCEL),
            "handed over": (facts(instances={}, excused=frozenset({1})), quorum.GO),
            "no quorum": (facts(states={1: None, 4: None}, instances=down), quorum.WAIT),
            "fenced itself": (facts(instances={1: instance(1, "stopped"), 2: instance(2, fenced="2")}), quorum.WAIT),
        }
        for name, (known, act) in table.items():
            with self.subTest(name):
                self.assertEqual(quorum.may_promote(THREE, known).act, act)

    def test_every_other_node_with_data_is_proven(self):
        known = facts(states={1: None, 3: None, 4: writable()}, instances={1: instance(1, "stopped"), 3: instance(3)})
        self.assertEqual([node.number for node in quorum.unproven(FOUR, known)], [3])


class Endpoint(unittest.TestCase):
    def test_owner(self):
        down = {1: instance(1, "stopped")}
        table = {
            "the one primary": (facts(own=writable(2), instances=down), quorum.GO),
            "without the witness": (facts(own=writable(2), instances=down, states={1: None, 4: None}), quorum.GO),
            "a standby": (facts(instances=down), quorum.CANCEL),
            "another takes writes": (facts(own=writable(2), states={1: writable(), 4: writable()}), quorum.CANCEL),
            "another is silent": (facts(own=writable(2)), quorum.WAIT),
            # The old primary's host was started again at once: clients waited a minute, until it had rejoined.
            "back and silent, with this term's mark": (
                facts(own=writable(2), instances={1: instance(1, fenced="2"), 2: instance(2)}), quorum.GO),
            "back and silent, with an older mark": (
                facts(own=writable(3), instances={1: instance(1, fenced="2"), 2: instance(2)}), quorum.WAIT),
            "marked, and takes writes": (
                facts(own=writable(2), states={1: writable(1), 4: writable()}, instances={1: instance(1, fenced="2"), 2: instance(2)}), quorum.CANCEL),
        }
        for name, (known, act) in table.items():
            with self.subTest(name):
                self.assertEqual(quorum.may_own_endpoint(THREE, known).act, act)

    def test_step_down(self):
        table = [
            # own, other, the other has the endpoint, whether to stop
            (writable(1), writable(2), False, True),
            (writable(2), writable(1), True, False),
            (writable(2), writable(2), True, True),
            (writable(2), writable(2), False, False),
            (writable(1), standby(timeline=2), True, False),
        ]
        for own, other, owner, stop in table:
            with self.subTest(own=own.timeline, other=other.timeline, owner=owner):
                self.assertEqual(quorum.must_step_down(own, other, owner), stop)


class MayStart(unittest.TestCase):
    def test_table(self):
        now = cluster.NOW
        table = {
            "once": ([now - 10], 0, True),
            "twice": ([now - 10, now - 100], 0, True),
            "three times within the hour": ([now - 10, now - 100, now - 3500], 0, False),
            "long ago": ([now - 10, now - 3700, now - 3800, now - 3900], 0, True),
            "tried in vain": ([now - 10], quorum.START_LIMIT, False),
        }
        for name, (fences, starts, go) in table.items():
            with self.subTest(name):
                self.assertEqual(quorum.may_start(fences, starts, now).go, go)


class Term(unittest.TestCase):
    def test_a_term_is_the_timeline_to_come(self):
        self.assertEqual(quorum.term(facts()), 2)
        self.assertEqual(quorum.term(facts(sample=sampled(timeline=4))), 5)
        self.assertEqual(quorum.term(facts(sample=None, own=standby(timeline=3))), 4)


if __name__ == "__main__":
    unittest.main()
