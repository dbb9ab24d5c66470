"""`infra pg failover`: a person has the primary fenced and this standby promoted, where the automatic one refused or is off."""

from __future__ import annotations

import functools
import time

from infra_postgresql import cloud, fence, journal, promote, proof, quorum, server, switchover

REFUSE_AFTER = 15  # seconds for which the reason against it must hold


def register(parser, _name):
    """Declare the options."""
    parser.add_argument("--accept-loss", action="store_true", help="also when this standby may lack rows")


def failover(settings, options, diary):
    """Fence the old primary and become the new one, or say why not with nothing done."""
    api = cloud.Cloud(settings)
    facts, _ = proof.collect(settings, api)
    for node in settings.other_data_nodes:
        state = facts.states.get(node.number)
        if state and state.writable:
            raise switchover.Refused("%s answers %s and takes writes" % (node.name, settings.name))
    begun = diary.record("failover_asked", accept_loss=options.accept_loss)
    judge = functools.partial(quorum.may_fence_by_hand, accept_loss=options.accept_loss)
    stand_alone(fence.Fence(settings, diary, api, judge=judge), time.monotonic() + REFUSE_AFTER)
    if promote.promote(settings, diary, api) != 0:
        raise switchover.Refused("another node takes writes")
    with server.connect(settings) as connection:
        state = server.state(connection)
    return {"timeline": state.timeline, "begun": begun["at"], "promoted": journal.now()}


def stand_alone(attempt, deadline):
    """Return when the fence stands. Until something was struck it gives up at the deadline; then there is no way back."""
    while True:
        verdict = attempt.attempt()
        if verdict.go:
            return
        if verdict.act == quorum.CANCEL or (not attempt.struck and time.monotonic() > deadline):
            reason = verdict.reason or "the cloud's API cannot be asked, so nothing can be fenced"
            attempt.cancel(reason)
            raise switchover.Refused(reason)
        time.sleep(fence.PAUSE)


main = switchover.command(failover)
