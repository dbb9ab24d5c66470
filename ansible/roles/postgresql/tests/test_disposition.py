"""What is done with a node's server, by what is seen."""

import dataclasses
import math
import unittest

from infra_postgresql import datadir, disposition, server
from infra_postgresql.disposition import DONE, FOLLOW, NOTHING, REJOIN, START

ADDRESSES = {1: "10.0.0.1", 2: "10.0.0.2", 3: "10.0.0.3"}
FORMER = datadir.Directory(True, standby=False, timeline=1, clean=False, system_id="7")
STANDBY = dataclasses.replace(FORMER, standby=True)
EMPTY = datadir.Directory(False)


def state(writable=False, timeline=1, receiver=None, sender=None, system_id="7"):
    """A server's answer."""
    return server.State(not writable, False, system_id, timeline, 0, 0, receiver, sender)


PRIMARY = state(writable=True, timeline=2)


def view(directory=FORMER, own=None, peers=None, **more):
    """What node 1 sees; node 2 is the primary unless told otherwise."""
    return disposition.View(directory=directory, own=own, peers={2: PRIMARY} if peers is None else peers, addresses=ADDRESSES, **more)


class FormerPrimary(unittest.TestCase):
    def test_table(self):
        table = {
            # name: (view, action)
            "another is the primary": (view(), REJOIN),
            "two others say that they are": (view(peers={2: PRIMARY, 3: PRIMARY}), NOTHING),
            "another is the primary, one is silent": (view(peers={2: PRIMARY, 3: None}), REJOIN),
            "of another cluster": (view(peers={2: state(True, 2, system_id="8")}), NOTHING),
            "on the same timeline": (view(peers={2: state(True, 1)}), NOTHING),
            "on an older timeline": (view(dataclasses.replace(FORMER, timeline=3)), NOTHING),
            "rewound to the same timeline, then interrupted": (view(peers={2: state(True, 1)}, touched=True), REJOIN),
            "copied in part": (view(EMPTY, touched=True), REJOIN),
            "copied in part, the primary is gone": (view(EMPTY, peers={2: None}, touched=True), NOTHING),
            "copied in part, nobody is the primary": (view(peers={2: state()}, touched=True, quiet=math.inf), NOTHING),
            "copied in part, looks like a standby": (view(STANDBY, touched=True), REJOIN),
            "no data": (view(EMPTY), NOTHING),
            "the control file is lost": (view(dataclasses.replace(FORMER, system_id="", timeline=0)), REJOIN),
            "nobody is the primary": (view(peers={2: state()}, quiet=59), NOTHING),
            "nobody is the primary for long": (view(peers={2: state()}, quiet=61), START),
            "nobody is the primary, one is silent": (view(peers={2: state(), 3: None}, quiet=math.inf), NOTHING),
            "all are silent": (view(peers={2: None}, quiet=math.inf), NOTHING),
            "a switchover is under way": (view(peers={2: state()}, handover=True, quiet=math.inf), NOTHING),
            "a switchover has ended": (view(handover=True), REJOIN),
            "the server starts": (view(dataclasses.replace(FORMER, running=True)), NOTHING),
            "the server takes writes": (view(own=PRIMARY), NOTHING),
        }
        for name, (seen, action) in table.items():
            with self.subTest(name):
                step = disposition.decide(seen)
                self.assertEqual(step.action, action, step.reason)
                self.assertTrue(step.reason)


class Standby(unittest.TestCase):
    def test_table(self):
        streaming = state(timeline=2, receiver="streaming", sender=ADDRESSES[2])
        elsewhere = state(receiver="streaming", sender=ADDRESSES[3])
        table = {
            "streams from the primary": (view(STANDBY, streaming), DONE),
            "streams from another": (view(STANDBY, elsewhere, quiet=5), NOTHING),
            "streams from another for long": (view(STANDBY, elsewhere, quiet=21), FOLLOW),
            "streams from nobody": (view(STANDBY, state(timeline=2), quiet=7), NOTHING),
            "streams from nobody, another was promoted just now": (view(STANDBY, state(), quiet=1), NOTHING),
            "streams from nobody, another was promoted": (view(STANDBY, state(), quiet=3), FOLLOW),
            "streams from nobody for long": (view(STANDBY, state(), quiet=21), FOLLOW),
            "does not come to follow": (view(STANDBY, state(), quiet=21, tries=2), REJOIN),
            "does not stream at the end of a rejoin": (view(STANDBY, state(), begun=True), FOLLOW),
            "of another cluster": (view(STANDBY, state(system_id="8"), quiet=21), NOTHING),
            "nobody is the primary": (view(STANDBY, state(), peers={2: None}, quiet=math.inf), NOTHING),
            "two are the primary": (view(STANDBY, streaming, peers={2: PRIMARY, 3: PRIMARY}), NOTHING),
            "down": (view(STANDBY, quiet=9), NOTHING),
            "down for long": (view(STANDBY, quiet=11), START),
            "down for long, no primary": (view(STANDBY, quiet=11, peers={2: None}), START),
            "down, an operator's switchover": (view(STANDBY, quiet=11, handover=True), NOTHING),
            "does not start": (view(STANDBY, quiet=11, tries=3), REJOIN),
            "does not start, no primary": (view(STANDBY, quiet=11, tries=9, peers={2: None}), START),
        }
        for name, (seen, action) in table.items():
            with self.subTest(name):
                step = disposition.decide(seen)
                self.assertEqual(step.action, action, step.reason)


if __name__ == "__main__":
    unittest.main()
