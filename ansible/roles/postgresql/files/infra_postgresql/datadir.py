"""What the data directory of this node says without a server."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess

CLEAN = ("shut down", "shut down in recovery")


@dataclasses.dataclass(frozen=True)
class Directory:
    """A data directory. exists is False where there is no cluster, or where its making was interrupted."""

    exists: bool
    standby: bool = False
    timeline: int = 0
    clean: bool = False
    system_id: str = ""
    running: bool = False


def look(settings):
    """Return the Directory of this node."""
    path = settings.data_directory
    if not os.path.exists(os.path.join(path, "PG_VERSION")) or os.path.exists(path + ".incomplete"):
        return Directory(False)
    control = parse_control(control_data(settings))
    return Directory(
        exists=True,
        standby=os.path.exists(os.path.join(path, "standby.signal")),
        timeline=max(control["timeline"], newest_history(path)),
        clean=control["state"] in CLEAN,
        system_id=control["system_id"],
        running=postmaster(path) is not None)


def control_data(settings):
    """Return the text of pg_controldata, empty when the control file cannot be read."""
    try:
        return subprocess.run(
            [os.path.join(settings.bin_directory, "pg_controldata"), settings.data_directory], capture_output=True, text=True,
            timeout=30, check=False, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def parse_control(text):
    """Return state, timeline and system_id out of pg_controldata's text."""
    def value(label):
        found = re.search(r"^%s:\s+(.+)$" % re.escape(label), text, re.MULTILINE)
        return found.group(1).strip() if found else ""

    timelines = [value("Latest checkpoint's TimeLineID"), value("Min recovery ending loc's timeline")]
    return {"state": value("Database cluster state"), "system_id": value("Database system identifier"),
            "timeline": max(int(text or 0) for text in timelines)}


def newest_history(path):
    """Return the highest timeline that pg_wal holds a history of: a crash right after a promotion leaves the control file behind."""
    try:
        names = os.listdir(os.path.join(path, "pg_wal"))
    except OSError:
        return 0
    return max((int(name[:8], 16) for name in names if re.fullmatch(r"[0-9A-F]{8}\.history", name)), default=0)


def postmaster(path):
    """Return the process id of the server that runs on the directory, None when none does."""
    try:
        with open(os.path.join(path, "postmaster.pid"), encoding="utf-8") as file:
            number = int(file.readline())
        with open("/proc/%d/comm" % number, encoding="utf-8") as file:
            return number if file.read().strip() == "postgres" else None
    except (OSError, ValueError):
        return None  # a stale file names a process that is gone, or another's
