"""The duty that ends a fence: the primary's agent takes the mark off a node that is a standby of this primary again."""

from __future__ import annotations

import time

from infra_postgresql import server

SELDOM = 60  # seconds between two looks while no node is known to be fenced


def run(context):
    """The duty."""
    settings, memory = context.settings, context.memory
    if settings.me.witness or time.monotonic() < getattr(memory, "next_look", 0.0):
        return
    try:
        with server.connect(settings) as connection:
            if server.state(connection).in_recovery:
                return
            streaming = {replica.name for replica in server.replicas(connection) if replica.state == "streaming"}
    except server.Unreachable:
        return
    fenced = {number: instance.fenced for number, instance in context.cloud.instances(settings.other_data_nodes).items()
              if instance.fenced is not None}
    for number, term in fenced.items():
        node = settings.node(number)
        if readmissible(node, streaming, peer(settings, node)):
            context.cloud.unmark(node)
            context.journal.record("readmitted", term, target=node.name)
    memory.next_look = time.monotonic() + (0 if fenced else SELDOM)


def readmissible(node, streaming, state):
    """Whether the fenced node may count again: it streams from this primary, and says itself that it is in recovery."""
    return node.name in streaming and state is not None and state.in_recovery


def peer(settings, node):
    """Return the node's State, or None."""
    try:
        return server.ask(settings, node)
    except server.Unreachable:
        return None
