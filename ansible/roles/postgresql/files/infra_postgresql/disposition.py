"""What is to be done with the server of this node so that it is a standby of the primary: decided here, from facts alone."""

from __future__ import annotations

import dataclasses

from infra_postgresql import datadir, server

NOTHING, START, FOLLOW, REJOIN, DONE = "nothing", "start", "follow", "rejoin", "done"

START_AFTER = 10.0  # seconds that a standby's server is down; systemd and people come first
RESUME_AFTER = 60.0  # seconds that a primary's server is down while nobody else is the primary
FOLLOW_AFTER = 8.0  # seconds that a standby streams from nobody, or from another than the primary
FOLLOW_PROMOTED_AFTER = 2.0  # the same, of one that streams from nobody while another was promoted: commits may be waiting for it
TRIES = 3


@dataclasses.dataclass(frozen=True)
class View:
    """What this node sees. peers: number -> server.State or None of the other data nodes."""

    directory: datadir.Directory
    own: server.State | None
    peers: dict
    addresses: dict
    touched: bool = False  # a rejoin has begun to overwrite the data
    begun: bool = False  # a rejoin has begun
    handover: bool = False  # a switchover stopped the server
    quiet: float = 0.0  # seconds for which what is seen has been so
    tries: int = 0  # of what was decided last, without success

    @property
    def primary(self):
        """The number of the one other node that takes writes, None when none or more than one does."""
        writable = [number for number, state in self.peers.items() if state and state.writable]
        return writable[0] if len(writable) == 1 else None


@dataclasses.dataclass(frozen=True)
class Step:
    """What to do, and why."""

    action: str
    reason: str
    soon: bool = False  # nothing now, but that will change by itself


def decide(view):
    """Return the Step for a data node."""
    if view.own and view.own.writable:
        return Step(NOTHING, "this node takes writes")
    if view.own:
        return of_standby(view)
    if view.directory.running:
        return Step(NOTHING, "the server does not answer; it may be starting or ending", soon=True)
    if not view.directory.exists and not view.touched:
        return Step(NOTHING, "there is no data: `infra configure` clones this node")
    if view.directory.standby and not view.touched:
        return of_stopped_standby(view)
    return of_former_primary(view)


def of_standby(view):
    """Decide for a server in recovery."""
    if view.primary is None:
        return Step(NOTHING, "there is no single primary to follow")
    if view.own.receiver == "streaming" and view.own.sender == view.addresses[view.primary]:
        return Step(DONE, "it streams from the primary")
    promoted = view.own.receiver != "streaming" and view.peers[view.primary].timeline > view.own.timeline
    if not view.begun and view.quiet < (FOLLOW_PROMOTED_AFTER if promoted else FOLLOW_AFTER):
        return Step(NOTHING, "it may follow by itself")
    if foreign(view):
        return Step(NOTHING, foreign(view))
    if view.tries < 2:
        return Step(FOLLOW, "it does not stream from the primary")
    return Step(REJOIN, "it cannot follow the primary")


def of_stopped_standby(view):
    """Decide for a standby whose server is down."""
    if view.handover or view.quiet < START_AFTER:
        return Step(NOTHING, "it may be started by another")
    if view.tries < TRIES or view.primary is None:
        return Step(START, "the standby is down")
    return Step(REJOIN, "the standby does not start")


def of_former_primary(view):
    """Decide for a server that is down and would take writes if it started."""
    if view.primary is not None:
        problem = foreign(view)
        if problem:
            return Step(NOTHING, problem)
        if not view.touched and view.peers[view.primary].timeline <= view.directory.timeline:
            return Step(NOTHING, "the primary is on timeline %d and this node on %d: neither is sure to have all data" % (
                view.peers[view.primary].timeline, view.directory.timeline))
        return Step(REJOIN, "another node is the primary")
    if view.touched:
        return Step(NOTHING, "there is no single primary to rejoin")
    if view.handover:
        return Step(NOTHING, "a switchover is under way")
    waiting = view.peers and all(state and state.in_recovery for state in view.peers.values())
    if waiting and view.quiet >= RESUME_AFTER:
        return Step(START, "no other node is the primary")
    return Step(NOTHING, "there is no primary")


def foreign(view):
    """Return why the primary cannot be followed by this node's data at all, empty when it can."""
    mine = view.own.system_id if view.own else view.directory.system_id
    theirs = view.peers[view.primary].system_id
    if mine and theirs and mine != theirs and not view.touched:
        return "the primary belongs to another cluster (system id %s, not %s)" % (theirs, mine)
    return ""
