"""What repmgrd has done by a command, done by the agent: a command has to load AWS's library first, which takes seconds
on a busy host, and the agent has it at hand. Without an agent the command does it itself.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import threading

from infra_postgresql import journal

KEEP_WARM = 30  # seconds between two calls that keep credentials and connections to the API fresh


def register(parser, name):
    """Take what repmgrd tells; it is journaled and otherwise asked anew."""
    if name == "fence":
        parser.add_argument("told", nargs="*", help="repmgrd's %%n %%v %%u %%t: node, visible nodes, sharing the upstream, all")


def fence(settings, options):
    """Return repmgrd's exit code of the fence."""
    return have_done(settings, "fence", options.told)


def promote(settings, _options):
    """Return repmgrd's exit code of the promotion."""
    return have_done(settings, "promote", [])


def have_done(settings, errand, told):
    """Have the agent run an errand, or run it here. Return its exit code."""
    code = ask(settings, errand, told)
    if code is None:
        from infra_postgresql import cloud

        code = perform(settings, journal.Journal(settings), cloud.Cloud(settings), errand, told)
    return code


def ask(settings, errand, told):
    """Return the exit code that the agent gives, however long it takes; None when there is no agent, or no more."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(path(settings))
            line.sendall(json.dumps({"errand": errand, "told": told}).encode() + b"\n")
            with line.makefile(encoding="utf-8") as answers:
                return int(json.loads(answers.readline())["code"])
    except (OSError, ValueError, KeyError):
        return None


def perform(settings, diary, api, errand, told):
    """Run an errand, when no other is under way. Return its exit code."""
    from infra_postgresql import fence as fencing
    from infra_postgresql import promote as promotion

    with fencing.alone(settings, wait=True):
        if errand == "fence":
            return fencing.Fence(settings, diary, api, told=told).run()
        return promotion.promote(settings, diary, api)


def path(settings):
    """Return the path of the agent's socket."""
    return os.path.join(settings.state_directory, "agent.sock")


def run(context):
    """The duty: serve errands until the agent stops. Only the node's own user reaches the socket."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path(context.settings))
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(path(context.settings))
        os.chmod(path(context.settings), 0o600)
        door.listen()
        door.settimeout(1)
        threading.Thread(target=keep_warm, args=(context,), daemon=True).start()
        while not context.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                line, _ = door.accept()
                threading.Thread(target=serve, args=(context, line), daemon=True).start()


def serve(context, line):
    """Run the errand of one caller."""
    line.settimeout(None)
    with line, line.makefile("rw", encoding="utf-8") as talk:
        try:
            wanted = json.loads(talk.readline())
            code = perform(context.settings, context.journal, context.cloud, wanted["errand"], wanted["told"])
            talk.write(json.dumps({"code": code}) + "\n")
            talk.flush()
        except Exception as error:  # noqa: BLE001  without an answer the caller does it itself
            context.journal.record("errand_failed", problem="%s: %s" % (type(error).__name__, error))


def keep_warm(context):
    """Call the API now and then, so that the first call of an emergency is not the first of all."""
    from infra_postgresql import cloud

    while not context.settings.me.witness and not context.stopping.is_set():
        with contextlib.suppress(cloud.CloudError):  # the metrics tell of it
            context.cloud.instances(context.settings.data_nodes)
        context.stopping.wait(KEEP_WARM)
