"""The boot guard: decides whether the server of this host may start. Runs as root before every start, whoever asks for it.

A standby may, and so may the witness: neither takes writes of the cluster. Anything else is a primary, perhaps a former
one. It may start only when it is not fenced, no other data node takes writes, and every one of them answers, is in recovery
and on no newer timeline; or when the permit exists, by which a configuration run vouches that it has asked every node.
Where the API cannot be asked about the fence, the word of all the other nodes is enough after a while: a fence that is not
yet proven stops this host, and one that is had it stopped.
"""

from __future__ import annotations

import dataclasses
import json
import os
import pwd
import sys
import time

from infra_postgresql import datadir, journal

WAIT = 90.0  # seconds that the peers have to answer
API_WAIT = 30.0  # seconds that the API has to tell whether this node is fenced
PERMIT = "/run/infra-postgresql-start"
START, WAITING, REFUSE = "start", "wait", "refuse"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What is to be done, and why."""

    action: str
    reason: str


def judge(peers, timeline, fenced, permit, waited):
    """Return the Verdict for a server that would take writes.

    peers: name -> server.State or None; timeline: this node's; fenced: the term, "" when not fenced, None when unknown.
    """
    writable = sorted(name for name, state in peers.items() if state and state.writable)
    if writable:
        return Verdict(REFUSE, "%s takes writes: this server must rejoin as its standby" % ", ".join(writable))
    if fenced:
        return Verdict(REFUSE, "this node is fenced (term %s): another was to take over" % fenced)
    if permit:
        return Verdict(START, "a configuration run has asked every node")
    newer = sorted(name for name, state in peers.items() if state and state.timeline > timeline)
    if newer:
        return Verdict(REFUSE, "%s is on a newer timeline than this server (%d): another primary exists or existed" % (
            ", ".join(newer), timeline))
    silent = sorted(name for name, state in peers.items() if state is None)
    if silent:
        return Verdict(WAITING if waited < WAIT else REFUSE, "%s did not answer, so another primary may exist" % ", ".join(silent))
    if fenced is None and waited < API_WAIT:
        return Verdict(WAITING, "the API did not tell whether this node is fenced")
    return Verdict(START, "every other node is in recovery")


def become_owner(path):
    """Give up root for the owner of the path: nothing that follows needs more, and the password file is the owner's."""
    owner = pwd.getpwuid(os.stat(path).st_uid)
    if os.geteuid() == 0 and owner.pw_uid != 0:
        os.initgroups(owner.pw_name, owner.pw_gid)
        os.setgid(owner.pw_gid)
        os.setuid(owner.pw_uid)
    os.environ["HOME"] = owner.pw_dir


def take_permit(path=PERMIT):
    """Tell whether there is a permit, and use it up."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def rebuilding(settings):
    """Tell whether the agent has begun to overwrite the data directory and has not ended."""
    try:
        with open(os.path.join(settings.state_directory, "rejoin.json"), encoding="utf-8") as file:
            return bool(json.load(file).get("touched"))
    except (OSError, ValueError):
        return False


def fence_term(settings):
    """Return the term in which this node was fenced, "" when it is not, None when nobody tells."""
    from infra_postgresql import cloud

    try:
        found = cloud.Cloud(settings).instances([settings.me]).get(settings.number)
    except cloud.CloudError:
        return None
    return None if found is None else found.fenced or ""


def ask_peers(settings):
    """Return name -> State or None of the other data nodes."""
    from infra_postgresql import server

    answers = server.ask_all(settings, settings.other_data_nodes)
    return {settings.node(number).name: state for number, state in answers.items()}


def main(settings, _options):
    """Return 0 when the server may start."""
    permit = take_permit()
    directory = datadir.look(settings)
    if settings.me.witness or directory.standby:
        return 0
    if not directory.exists or rebuilding(settings):
        print("not started: the data directory is not whole")
        return 1
    become_owner(settings.data_directory)
    diary = journal.Journal(settings)
    started, fenced = time.monotonic(), None
    while True:
        if fenced is None:
            fenced = fence_term(settings)
        verdict = judge(ask_peers(settings), directory.timeline, fenced, permit, time.monotonic() - started)
        if verdict.action != WAITING:
            break
        time.sleep(1)
    diary.record("server_permitted" if verdict.action == START else "server_not_permitted", reason=verdict.reason, timeline=directory.timeline)
    print("%s: %s" % ("started" if verdict.action == START else "not started", verdict.reason))
    sys.stdout.flush()
    return 0 if verdict.action == START else 1
