"""The decisions of a failover, and nothing else: facts in, a verdict with its reason out. Nothing here asks anybody.

The rule behind all of them: a node takes writes, or the endpoint, only while every other node with data is proven not
to take writes: it says itself that it is in recovery, or the cloud's API says that its host is down.
"""

from __future__ import annotations

import dataclasses

GO, WAIT, CANCEL = "go", "wait", "cancel"

# Seconds within which a voter counts as seeing the primary: its repmgrd looks once a second and waits up to two.
SEEN = 4
# Seconds that the primary may have been alive, by anybody's word, after this standby last read its position.
UNOBSERVED = 10
# More fences of one node within so many seconds, and it stays down.
FLAP_LIMIT, FLAP_SECONDS = 3, 3600
# Times that a node is started again after one fence.
START_LIMIT = 5


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What to do, and why in a sentence."""

    act: str
    reason: str = ""

    @property
    def go(self):
        """Whether to go ahead."""
        return self.act == GO


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a standby knows when its primary seems to have failed. Dictionaries are by the nodes' numbers."""

    own: object  # server.State of this node
    states: dict  # server.State of the others, None for who does not answer
    instances: dict  # cloud.Instance, as far as the API told
    seen: dict  # server.Sight of the voters, this node among them
    sample: object = None  # sample.Sample: the primary's position when last read
    excused: frozenset = frozenset()  # nodes whose server was ended in order, for this very takeover


def may_fence(settings, facts):
    """Return whether this standby may fence the nodes that are not proven harmless."""
    for check in (_cancelled, _majority, _primary_unseen, _own_instance, _lag, _in_sync):
        verdict = check(settings, facts)
        if verdict:
            return verdict
    return Verdict(GO, "%d of %d nodes are visible" % (visible(facts), len(settings.nodes)))


def may_fence_by_hand(settings, facts, accept_loss=False):
    """Return whether a person may have the primary fenced, alive or not; accept_loss waives what guards the last rows."""
    gates = () if accept_loss else (_lag, _in_sync)
    for check in (_majority, _own_instance, *gates):
        verdict = check(settings, facts)
        if verdict:
            return verdict
    return Verdict(GO, "asked for by a person")


def may_promote(settings, facts):
    """Return whether this standby may take writes now."""
    return _cancelled(settings, facts) or _majority(settings, facts) or _own_instance(settings, facts) or _proven(settings, facts)


def may_own_endpoint(settings, facts):
    """Return whether clients may be led to this node."""
    if not facts.own.writable:
        return Verdict(CANCEL, "this node takes no writes")
    # Who carries the mark of this node's own term was down when this node was promoted. Its host may be back by now, silent
    # until it has rejoined; the boot guard has kept its server from taking writes ever since.
    fenced = {number for number, instance in facts.instances.items() if instance.fenced == str(facts.own.timeline)}
    return _cancelled(settings, facts) or _proven(settings, dataclasses.replace(facts, excused=facts.excused | fenced))


def visible(facts):
    """Return how many nodes are here, this one counted."""
    return 1 + sum(1 for state in facts.states.values() if state)


def unproven(settings, facts):
    """Return the other nodes with data that may be taking writes, for all that is known."""
    def harmless(node):
        state, instance = facts.states.get(node.number), facts.instances.get(node.number)
        return node.number in facts.excused or (state and state.in_recovery) or (instance and instance.down)

    return [node for node in settings.other_data_nodes if not harmless(node)]


def term(facts):
    """Return the term of a failover: the timeline that its promotion will begin."""
    return max(facts.own.timeline, facts.sample.timeline if facts.sample else 0) + 1


def must_step_down(own, other, other_owns_endpoint):
    """Return whether this primary must stop for the sake of another writable node."""
    if not other.writable:
        return False
    return other.timeline > own.timeline or (other.timeline == own.timeline and other_owns_endpoint)


def may_start(fences, starts, now):
    """Return whether a fenced node may be started again; fences are the moments of its fences, starts how often it was tried."""
    recent = [moment for moment in fences if now - moment < FLAP_SECONDS]
    if len(recent) >= FLAP_LIMIT:
        return Verdict(CANCEL, "fenced %d times within an hour" % len(recent))
    if starts >= START_LIMIT:
        return Verdict(CANCEL, "started %d times in vain" % starts)
    return Verdict(GO)


def _cancelled(settings, facts):
    for node in settings.other_data_nodes:
        state = facts.states.get(node.number)
        if state and state.writable:
            return Verdict(CANCEL, "%s answers and takes writes" % node.name)
    return None


def _majority(settings, facts):
    here = visible(facts)
    if here * 2 <= len(settings.nodes):
        return Verdict(WAIT, "no quorum: %d of %d nodes are visible" % (here, len(settings.nodes)))
    return None


def _primary_unseen(settings, facts):
    suspects = {node.number for node in unproven(settings, facts)}
    for voter, sight in sorted(facts.seen.items()):
        if voter != settings.number and sight.upstream in suspects and sight.ago is not None and sight.ago < SEEN:
            return Verdict(WAIT, "%s saw the primary %d s ago" % (settings.node(voter).name, sight.ago))
    return None


def _own_instance(settings, facts):
    """What the API says of this node, where it said anything: without its word nothing is fenced anyway."""
    own = facts.instances.get(settings.number)
    if own and own.fenced is not None:
        return Verdict(WAIT, "this node is fenced itself, in term %s" % own.fenced)
    if own and own.state != "running":
        return Verdict(WAIT, "the API says that this node is %s" % own.state)
    return None


def _lag(settings, facts):
    own = facts.seen.get(settings.number)
    if facts.sample is None or (own and own.upstream > 0 and own.upstream != facts.sample.primary):
        return Verdict(WAIT, "how far this standby is behind was never known")
    if facts.sample.own_timeline < facts.sample.timeline:
        return Verdict(WAIT, "on timeline %d, the primary on %d" % (facts.sample.own_timeline, facts.sample.timeline))
    seen = [sight.last for sight in facts.seen.values() if sight.upstream == facts.sample.primary and sight.last is not None]
    blind = max(seen, default=facts.sample.at) - facts.sample.at
    if blind > UNOBSERVED:
        return Verdict(WAIT, "the primary was alive for %d s after its position was last read" % blind)
    lag = facts.sample.primary_lsn - facts.own.lsn
    if lag > settings.lag_limit_bytes:
        return Verdict(WAIT, "%d bytes behind the primary, more than %d" % (lag, settings.lag_limit_bytes))
    return None


def _in_sync(settings, facts):
    if not settings.synchronous:
        return None
    if facts.sample.sync_state not in ("sync", "quorum"):
        return Verdict(WAIT, "this standby was not in sync (%s)" % (facts.sample.sync_state or "not streaming"))
    # With ANY 1 an acknowledged row may be on one standby only: on none that is missing or ahead.
    for name in facts.sample.streaming:
        node = settings.named(name)
        if node is None or node.number == settings.number:
            continue
        state = facts.states.get(node.number)
        if state is None:
            return Verdict(WAIT, "%s may hold rows that this standby lacks, and does not answer" % name)
        if state.lsn > facts.own.lsn:
            return Verdict(WAIT, "%s is ahead of this standby" % name)
    return None


def _proven(settings, facts):
    left = unproven(settings, facts)
    if left:
        return Verdict(WAIT, "%s may be taking writes" % ", ".join(node.name for node in left))
    return Verdict(GO)
