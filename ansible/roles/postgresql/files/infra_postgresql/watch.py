"""The duty that begins a failover when repmgrd does not: where it does not run, is at an end of its road, or hangs.

repmgrd does not start while its upstream is down, several of its ends are final, and a question to a primary that froze
just then keeps it for ever. This duty waits longer than repmgrd usually takes to begin, and does then what repmgrd would
have done; the lock of fence and promote keeps them apart.
"""

from __future__ import annotations

import time

from infra_postgresql import fence, promote, sample, server

PATIENCE = 6  # seconds that the primary must be missed

PAUSED = "SELECT repmgr.repmgrd_is_paused()"


def run(context):
    """The duty."""
    settings, memory = context.settings, context.memory
    if settings.me.witness or settings.failover != "automatic":
        return
    if not missed(context):
        memory.since = None
        return
    now = time.monotonic()
    if getattr(memory, "since", None) is None:
        memory.since = now
    with fence.alone(settings) as free:
        if not free:
            memory.since = None
        elif now - memory.since >= PATIENCE:
            take_over(context, "the primary is silent for %d s and no failover is under way" % (now - memory.since))
            memory.since = None


def missed(context):
    """Whether this standby may be needed: the primary that it knew says nothing, and repmgrd is not paused."""
    settings = context.settings
    known = sample.read(settings)
    if known is None or server.alive(settings.node(known.primary)):
        return False
    try:
        with server.connect(settings) as local:
            return server.state(local).in_recovery and not server.rows(local, PAUSED)[0][0]
    except server.Unreachable:
        return False  # no server here, nothing to take over with


def take_over(context, reason):
    """Fence and promote, as repmgrd would have it done."""
    settings, diary = context.settings, context.journal
    diary.record("took_over_from_repmgrd", reason=reason)
    if fence.Fence(settings, diary, context.cloud, told=["agent"]).run() == 0:
        promote.promote(settings, diary, context.cloud)
