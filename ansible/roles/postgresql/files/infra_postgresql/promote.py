"""Make this standby the primary: repmgrd's promote_command, see errand.py, and what a switchover calls.

The fence is proven once more first. It tries again inside and fails only when another node takes writes: repmgrd never
tries a second time. Leading clients here is the agent's task, so that no trouble with the endpoint can make it fail.
"""

from __future__ import annotations

import contextlib
import subprocess
import time

from infra_postgresql import cloud, journal, proof, quorum, server

PAUSE = 0.3
REPMGR_LIMIT = 60  # seconds that repmgr may take
PROMOTE_LIMIT = 30  # seconds that the server may take to end its recovery
LOCK = 0x1F7A  # class of the advisory locks by which standbys take turns

METADATA = """
UPDATE repmgr.nodes SET active = false WHERE type = 'primary' AND node_id <> %(me)s;
UPDATE repmgr.nodes SET type = 'primary', active = true, upstream_node_id = NULL WHERE node_id = %(me)s;
INSERT INTO repmgr.events (node_id, event, successful, details)
VALUES (%(me)s, 'standby_promote', true, 'promoted by infra-postgresql');
"""


def promote(settings, diary, api, excused=frozenset()):
    """Block until this node takes writes (0) or another one does (1). excused: numbers of nodes that were ended in order for this."""
    once = journal.Once(diary)
    while True:
        try:
            verdict = attempt(settings, diary, api, excused)
        except cloud.CloudError as error:
            api = api.more_patient() if error.timeout else api
            verdict = quorum.Verdict(quorum.WAIT, str(error))
        except server.Unreachable as error:
            verdict = quorum.Verdict(quorum.WAIT, str(error))
        if verdict.go:
            return 0
        if verdict.act == quorum.CANCEL:
            diary.record("cancelled", reason=verdict.reason)
            return 1
        once.wait(verdict.reason)
        time.sleep(PAUSE)


def attempt(settings, diary, api, excused):
    """Try once. A verdict to go means that this node takes writes."""
    facts, failure = proof.collect(settings, api, excused)
    if facts.own.writable:
        return quorum.Verdict(quorum.GO)
    verdict = quorum.may_promote(settings, facts)
    if not verdict.go:
        if failure and verdict.act == quorum.WAIT:
            raise failure
        return verdict
    here = [settings.me] + [node for node in settings.others if facts.states.get(node.number)]
    with claim(settings, here) as votes:
        if votes * 2 <= len(settings.nodes):
            time.sleep(0.2 * settings.number)  # so that two that ask at once do not do so again
            return quorum.Verdict(quorum.WAIT, "%d of %d votes: another standby may be ahead" % (votes, len(settings.nodes)))
        for node in here[1:]:
            if not node.witness and server.ask(settings, node).writable:
                return quorum.Verdict(quorum.CANCEL, "%s takes writes" % node.name)
        state = become_primary(settings, diary, quorum.term(facts))
    if state.in_recovery:
        return quorum.Verdict(quorum.WAIT, "the server is still in recovery")
    diary.record("promoted", quorum.term(facts), timeline=state.timeline, lsn=state.lsn)
    return quorum.Verdict(quorum.GO)


@contextlib.contextmanager
def claim(settings, nodes):
    """Yield how many nodes gave this one their vote, which each gives to one at a time, and keep the votes meanwhile."""
    with contextlib.ExitStack() as stack:
        votes = 0
        for node in sorted(nodes, key=lambda node: node.number):
            with contextlib.suppress(server.Unreachable):
                connection = stack.enter_context(server.connect(settings, None if node.number == settings.number else node))
                votes += server.rows(connection, "SELECT pg_try_advisory_lock(%s, 1)", (LOCK,))[0][0]
        yield votes


def become_primary(settings, diary, term):
    """End the recovery of the own server. Return its State. repmgr does the same and asks the dead primary before, for
    seconds; so it is the second choice.
    """
    try:
        by_server(settings)
    except server.Unreachable as error:
        diary.record("promote_failed", term, by="server", problem=str(error))
    state = server.ask(settings)
    if state.in_recovery:
        problem = by_repmgr()
        if problem:
            diary.record("promote_failed", term, by="repmgr", problem=problem)
        state = server.ask(settings)
    return state


def by_server(settings):
    """Have the server end its recovery, and tell repmgr's table."""
    with server.connect(settings, patience=PROMOTE_LIMIT + 5) as connection:
        server.rows(connection, "SELECT pg_promote(true, %s)", (PROMOTE_LIMIT,))
        if not server.state(connection).in_recovery:
            server.rows(connection, METADATA, {"me": settings.number})


def by_repmgr():
    """Have repmgr do it. Return what went wrong, or nothing."""
    command = ["repmgr", "standby", "promote", "-f", "/etc/repmgr.conf"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=REPMGR_LIMIT, cwd="/", check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip()[-1000:] if done.returncode else ""
