# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions to a ZooKeeper server on this host: four-letter words, systemd and /proc."""

from __future__ import annotations

import glob
import os
import socket
import time

SERVING = ("leader", "follower", "observer", "standalone")


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


def initialised(data_directory, log_directory):
    """Tell whether the server ever held data."""
    folders = (data_directory, log_directory)
    return any(glob.glob(os.path.join(folder, "version-2", kind)) for folder in folders for kind in ("snapshot.*", "log.*"))


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
        "synced_followers": int(float(status.get("zk_synced_followers", 0))),
        "version": status.get("zk_version", "").split("-")[0],
        "initialised": initialised(data_directory, log_directory),
        "restart_pending": bool(active and revision and started_revision(pid) != revision),
    }


def wait_for(question, seconds):
    """Ask until the answer's "ok" is true or the time is over; return the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer["ok"] or time.monotonic() > deadline:
            return answer
        time.sleep(0.5)
