# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions to a ZooKeeper server on this host: four-letter words, systemd and /proc."""

from __future__ import annotations

import contextlib
import glob
import os
import socket
import time

SERVING = ("leader", "follower", "observer", "standalone")
MARK = "infra-member"


def four_letter(word, port):
    """Return the server's answer to a four-letter word, empty when it gives none."""
    answer = b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(word.encode())
            while True:
                part = connection.recv(65536)
                if not part:
                    break
                answer += part
    except OSError:
        return ""
    return answer.decode(errors="replace")


def fields(text, separator):
    """Return the lines "name<separator>value" of text as a dict."""
    return dict(line.split(separator, 1) for line in text.splitlines() if separator in line)


def members(port):
    """Return the membership that the server goes by: number -> "host:quorum:election:role;client"."""
    lines = fields(four_letter("conf", port), "=")
    return {int(name[7:]): value for name, value in lines.items() if name.startswith("server.") and name[7:].isdigit()}


def synced(status):
    """Return how many voters are in step with this leader, of mntr. A server that was taken out follows on as long as it runs."""
    return int(float(status.get("zk_synced_followers", 0))) - int(float(status.get("zk_synced_non_voting_followers", 0)))


def unit(module, name):
    """Return systemd's properties of a unit that the roles ask for."""
    code, out, err = module.run_command(
        ["systemctl", "show", name, "--property=ActiveState,UnitFileState,MainPID,NeedDaemonReload"])
    if code != 0:
        module.fail_json(msg="systemctl show %s: %s" % (name, err.strip()))
    return fields(out, "=")


def started_revision(pid):
    """Return the INFRA_REVISION that a process was started with, empty when it has none."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as stream:
            pairs = stream.read().split(b"\0")
    except OSError:
        return ""
    return next((pair[15:].decode() for pair in pairs if pair.startswith(b"INFRA_REVISION=")), "")


def read(path):
    """Return a file's text without the white space around it, empty when there is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read().strip()
    except OSError:
        return ""


def identity(data_directory, log_directory):
    """Return the id under which the server's data were made, 0 when they are not all there.

    Data and transaction logs each carry the id. A file system that was made anew, or files of another server, do not agree.
    The membership is among the data.
    """
    if not os.path.exists(os.path.join(data_directory, "conf", "zoo.cfg")):
        return 0
    marks = {read(os.path.join(folder, MARK)) for folder in (data_directory, log_directory)}
    mark = marks.pop() if len(marks) == 1 else ""
    held = any(glob.glob(os.path.join(folder, "version-2", kind))
               for folder in (data_directory, log_directory) for kind in ("snapshot.*", "log.*"))
    return int(mark) if held and mark.isdigit() else 0


def observe(module, name, port, revision, data_directory, log_directory):
    """Return what the server on this host is; the shape is documented in zookeeper_info."""
    properties = unit(module, name)
    active = properties.get("ActiveState") == "active"
    pid = int(properties.get("MainPID") or 0)
    status = fields(four_letter("mntr", port), "\t") if active else {}
    mode = status.get("zk_server_state", "")
    return {
        "active": active,
        "enabled": properties.get("UnitFileState") == "enabled",
        "mode": mode if mode in SERVING else "",
        "members": members(port) if active else {},
        "synced_followers": synced(status),
        "version": status.get("zk_version", "").split("-")[0],
        "id": identity(data_directory, log_directory),
        "restart_pending": bool(active and revision and started_revision(pid) != revision),
    }


@contextlib.contextmanager
def superuser(port, password):
    """Connect to the server on this host as the superuser. Problems are kazoo's exceptions and its KazooTimeoutError."""
    from kazoo import client

    connection = client.KazooClient(hosts="127.0.0.1:%d" % port, timeout=10)
    try:
        connection.start(timeout=10)
        connection.add_auth("digest", "super:" + password)
        yield connection
    finally:
        connection.stop()
        connection.close()


def write(port, password, seconds):
    """Write by way of the server; return why it could not be done, empty when it was."""
    from kazoo import exceptions
    from kazoo.handlers.threading import KazooTimeoutError

    path = "/zookeeper/quota"  # every ensemble has it, and writing what is there changes nothing

    def attempt():
        try:
            with superuser(port, password) as connection:
                connection.set(path, connection.get(path)[0])
        except (exceptions.KazooException, KazooTimeoutError) as error:
            return {"ok": False, "problem": "%s: %s" % (type(error).__name__, error)}
        return {"ok": True, "problem": ""}

    return wait_for(attempt, seconds)["problem"]


def wait_for(question, seconds):
    """Ask until the answer's "ok" is true or the time is over; return the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer["ok"] or time.monotonic() > deadline:
            return answer
        time.sleep(0.5)
