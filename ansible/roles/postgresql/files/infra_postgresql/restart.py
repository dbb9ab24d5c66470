"""The duty that brings fenced nodes back: once the endpoint is verified, the primary's agent starts their hosts again.

Such a host's server does not start as a primary: the boot guard sees the mark. A node that is fenced again and again
stays down, and so does one that does not get up.
"""

from __future__ import annotations

import time

from infra_postgresql import journal, quorum, server

EVERY = 10  # seconds between two looks

COPY = """
INSERT INTO repmgr.events (node_id, event, successful, event_timestamp, details)
SELECT %(node)s, 'infra_fenced', true, %(at)s, %(details)s
 WHERE NOT EXISTS (SELECT FROM repmgr.events WHERE event = 'infra_fenced' AND node_id = %(node)s AND details = %(details)s)
"""
# What a person has looked into, or a drill did on purpose, is no sign of a node that fails again and again.
FENCES = """
SELECT extract(epoch FROM event_timestamp)::float FROM repmgr.events
 WHERE event = 'infra_fenced' AND node_id = %(node)s
   AND event_timestamp > coalesce((SELECT max(event_timestamp) FROM repmgr.events WHERE event = 'infra_forgiven' AND node_id = %(node)s), '-infinity')
"""
FORGIVE = "INSERT INTO repmgr.events (node_id, event, successful, details) VALUES (%s, 'infra_forgiven', true, %s)"


def run(context):
    """The duty."""
    settings, memory = context.settings, context.memory
    if settings.me.witness or not settings.restart_fenced or time.monotonic() < getattr(memory, "next_look", 0.0):
        return
    try:
        own = server.ask(settings)
    except server.Unreachable:
        return
    if own.in_recovery or not verified(context, own):
        return
    memory.next_look = time.monotonic() + EVERY
    for number, instance in sorted(context.cloud.instances(settings.other_data_nodes).items()):
        if instance.fenced is not None and instance.state == "stopped":
            bring_back(context, settings.node(number), instance)


def verified(context, own):
    """Whether the endpoint was proven to lead here since this node became the primary."""
    last = context.journal.last("verified")
    return bool(last) and last.get("term") == own.timeline


def bring_back(context, node, instance):
    """Start one fenced node, unless that was tried often enough."""
    memory = context.memory
    if not hasattr(memory, "starts"):
        memory.starts, memory.once = {}, journal.Once(context.journal)
    key = (node.number, instance.fenced)
    verdict = quorum.may_start(fences(context, node), memory.starts.get(key, 0), time.time())
    if not verdict.go:
        memory.once.record("alarm", instance.fenced, key, target=node.name, reason="%s stays down: %s" % (node.name, verdict.reason))
        return
    memory.starts[key] = memory.starts.get(key, 0) + 1
    context.cloud.start(node)
    context.journal.record("restarted", instance.fenced, target=node.name, instance=instance.id, attempt=memory.starts[key])


def fences(context, node):
    """Return when the node was fenced, by any node: what this node did is copied to where a later primary finds it."""
    with server.connect(context.settings) as connection:
        for entry in context.journal.entries("fenced"):
            if entry.get("target") == node.name:
                server.rows(connection, COPY, {"node": node.number, "at": entry["at"], "details": "term %s" % entry["term"]})
        return [row[0] for row in server.rows(connection, FENCES, {"node": node.number})]
