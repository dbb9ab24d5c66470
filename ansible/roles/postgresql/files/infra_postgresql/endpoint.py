"""The duty that leads clients to the primary: the elastic address and the name move to this node once it takes writes
and nobody else can; then a write through the endpoint proves it. A primary that finds a newer one stops itself.
"""

from __future__ import annotations

import os
import subprocess
import time

from infra_postgresql import cloud, journal, proof, quorum, server

LOOK_AGAIN = 15  # seconds between two looks at an endpoint that is where it belongs
PEERS_AGAIN = 3  # seconds between two looks at the other nodes
WRITE_LIMIT = 15  # seconds after which the node's own address must do for the write: not every network leads back into itself

VERIFY = """
INSERT INTO repmgr.events (node_id, event, successful, details) VALUES (%s, 'infra_endpoint_verified', true, %s)
RETURNING host(inet_server_addr())
"""


def run(context):
    """The duty."""
    settings, memory = context.settings, context.memory
    if settings.me.witness:
        return
    try:
        own = server.ask(settings)
    except server.Unreachable:
        own = None
    if own is None or own.in_recovery:
        memory.timeline = None
        return
    if getattr(memory, "timeline", None) != own.timeline:
        memory.timeline, memory.verified = own.timeline, False
        memory.next_look = memory.next_peers = 0.0
        memory.since = time.monotonic()
        memory.once = journal.Once(context.journal)
    now = time.monotonic()
    if memory.verified and now < memory.next_look:
        if now >= memory.next_peers:
            memory.next_peers = now + PEERS_AGAIN
            watch_peers(context, own)
        return
    lead(context, own)


def lead(context, own):
    """Make the endpoint lead here, or journal why it must not."""
    settings, memory, api = context.settings, context.memory, context.cloud
    facts, failure = proof.collect(settings, api, handed_over(context, own))
    if step_down_if_older(context, facts):
        return
    verdict = quorum.may_own_endpoint(settings, facts)
    if not verdict.go:
        if memory.verified:
            memory.next_look = time.monotonic() + LOOK_AGAIN  # it leads here, which a silent peer does not change
        else:
            memory.once.wait("the endpoint stays: %s" % verdict.reason, own.timeline, problem=str(failure) if failure else None)
        return
    if move(context, own):
        memory.verified = False
    if not memory.verified:
        verify(context, own)
    if memory.verified:
        memory.next_look = time.monotonic() + LOOK_AGAIN


def move(context, own):
    """Take what clients follow. Return whether anything had to be moved."""
    settings, api, end = context.settings, context.cloud, context.settings.endpoint
    moved = False
    if end.allocation_id and api.address_owner(end.allocation_id) != settings.me.instance_id:
        api.take_address(end.allocation_id, settings.me)
        context.journal.record("endpoint_moved", own.timeline, kind="address", endpoint=end.address)
        moved = True
    if end.zone_id and end.name and api.name_addresses(end.zone_id, end.name) != [settings.me.address]:
        api.take_name(end.zone_id, end.name, settings.me.address)
        context.journal.record("endpoint_moved", own.timeline, kind="name", endpoint=end.name)
        moved = True
    return moved


def verify(context, own):
    """Confirm one owner by the API and write through the endpoint."""
    settings, memory, api, end = context.settings, context.memory, context.cloud, context.settings.endpoint
    if end.allocation_id and api.address_owner(end.allocation_id) != settings.me.instance_id:
        memory.once.wait("the address is not here yet", own.timeline)
        return
    if end.zone_id and end.name and api.name_addresses(end.zone_id, end.name) != [settings.me.address]:
        memory.once.wait("the name does not lead here yet", own.timeline)
        return
    for through in ([end.address] if end.allocation_id else []) + [settings.me.address]:
        problem = write_through(settings, own, through)
        if not problem:
            memory.verified = True
            context.journal.record("verified", own.timeline, through=through)
            return
        memory.once.wait("nothing can be written through %s" % through, own.timeline, problem=problem)
        if time.monotonic() - memory.since < WRITE_LIMIT:
            return


def write_through(settings, own, through):
    """Write by an address that clients use. Return what is wrong, or None when the write arrived here."""
    try:
        with server.connect(settings, host=through) as connection:
            answered = server.rows(connection, VERIFY, (settings.number, "timeline %d" % own.timeline))[0][0]
    except server.Unreachable as error:
        return str(error)
    return None if answered == settings.me.address else "it arrived at %s" % answered


def handed_over(context, own):
    """Return the number of the former primary when it was ended in order for this node's takeover, else nothing."""
    last = context.journal.last("takeover")
    return {last["from"]} if last and last.get("timeline") == own.timeline else set()


def watch_peers(context, own):
    """Look whether another node takes writes."""
    others = proof.Inquiry(context.settings, context.settings.other_data_nodes)
    states = others.collect([node.number for node in context.settings.other_data_nodes])
    if any(state and state.writable for state in states.values()):
        context.memory.next_look = 0.0  # look at everything at once


def step_down_if_older(context, facts):
    """Stop the own server when another one is the primary by right. Return whether it was."""
    settings = context.settings
    for node in settings.other_data_nodes:
        state = facts.states.get(node.number)
        if not (state and state.writable):
            continue
        context.memory.verified = False
        if quorum.must_step_down(facts.own, state, owns_endpoint(context, node)):
            context.journal.record("stepped_down", facts.own.timeline, other=node.name, timeline=state.timeline)
            stop_server(settings)
            return True
    return False


def owns_endpoint(context, node):
    """Whether the endpoint leads to the node; not when the API does not tell."""
    end = context.settings.endpoint
    try:
        if end.allocation_id:
            return context.cloud.address_owner(end.allocation_id) == node.instance_id
        return bool(end.zone_id) and context.cloud.name_addresses(end.zone_id, end.name) == [node.address]
    except cloud.CloudError:
        return False


def stop_server(settings):
    """Stop the own server without waiting for anything: what it would still acknowledge is lost."""
    program = os.path.join(settings.bin_directory, "pg_ctl")
    subprocess.run([program, "stop", "--pgdata", settings.data_directory, "--mode", "immediate", "--timeout", "30"],
                   capture_output=True, timeout=60, cwd="/", check=True)
