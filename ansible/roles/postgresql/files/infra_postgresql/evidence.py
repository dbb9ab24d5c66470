"""What tells later why a node failed, stored before the node is overwritten: on this host, and in the backup bucket.

Every piece is optional: what cannot be had is noted and never stops a rejoin.
"""

from __future__ import annotations

import datetime
import io
import json
import os
import shutil
import tarfile

from infra_postgresql import cloud, datadir, program

KEPT = 10  # captures that stay on the host
TAIL = 8 * 1024 * 1024  # bytes of the end of a log


def capture(settings, diary, api, reason, peers):
    """Store what there is; return the folder. peers: number -> server.State or None."""
    stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    folder = os.path.join(settings.state_directory, "evidence", stamp)
    os.makedirs(folder, mode=0o750, exist_ok=True)
    for name, make in pieces(settings, diary, reason, peers):
        try:
            content = make()
        except Exception as error:  # noqa: BLE001  any piece may be missing
            name, content = name + ".missing", str(error)
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    address = upload(settings, diary, api, folder, stamp)
    diary.record("evidence_stored", folder=folder, address=address, reason=reason)
    prune(os.path.dirname(folder))
    return folder


def pieces(settings, diary, reason, peers):
    """Return (file name, function that makes its content) of each piece."""
    log = "/var/log/postgresql/postgresql-%s-main.log" % settings.version
    unit = "postgresql@%s-main.service" % settings.version
    found = [
        ("summary.json", lambda: summary(settings, reason, peers)),
        ("control-data.txt", lambda: datadir.control_data(settings)),
        ("wal.txt", lambda: listing(os.path.join(settings.data_directory, "pg_wal"))),
        ("data-directory.txt", lambda: listing(settings.data_directory)),
        ("timelines.txt", lambda: histories(os.path.join(settings.data_directory, "pg_wal"))),
        ("postgresql.auto.conf", lambda: tail(os.path.join(settings.data_directory, "postgresql.auto.conf"))),
        ("server.log", lambda: tail(log)),
        ("journal.jsonl", lambda: tail(diary.path)),
        ("kernel.txt", lambda: program.run(["journalctl", "--no-pager", "-k", "-n", "500"], 20)),
    ]
    found.extend((name + ".txt", lambda name=name: program.run(["journalctl", "--no-pager", "-o", "short-iso-precise", "-n", "5000", "-u", name], 20))
                 for name in (unit, "repmgrd.service", "infra-postgresql-agent.service"))
    return found


def summary(settings, reason, peers):
    """Return what is known at a glance."""
    return json.dumps({
        "cluster": settings.cluster, "node": settings.name, "reason": reason,
        "data_directory": vars(datadir.look(settings)),
        "peers": {settings.node(number).name: vars(state) if state else None for number, state in peers.items()},
    }, indent=2, default=str)


def listing(path):
    """Return names, sizes and times of a directory."""
    lines = []
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        about = entry.stat(follow_symlinks=False)
        changed = datetime.datetime.fromtimestamp(about.st_mtime, datetime.timezone.utc).isoformat(timespec="milliseconds")
        lines.append("%s %12d %s\n" % (changed, about.st_size, entry.name))
    return "".join(lines)


def histories(path):
    """Return the timeline histories of a WAL directory."""
    names = sorted(name for name in os.listdir(path) if name.endswith(".history"))
    return "".join("%s\n%s\n" % (name, tail(os.path.join(path, name)).decode(errors="replace")) for name in names)


def tail(path):
    """Return the end of a file."""
    with open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - TAIL))
        return file.read()


def upload(settings, diary, api, folder, stamp):
    """Put the folder into the backup bucket as one archive; return its address, None when that failed."""
    if not settings.backup_bucket:
        return None
    key = "evidence/%s/%s/%s.tar.gz" % (settings.cluster, settings.name, stamp)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        archive.add(folder, arcname=stamp)
    try:
        api.put_object(settings.backup_bucket, key, buffer.getvalue())
    except cloud.CloudError as error:
        diary.record("evidence_not_uploaded", problem=str(error))
        return None
    return "s3://%s/%s" % (settings.backup_bucket, key)


def prune(parent):
    """Keep the newest captures."""
    for name in sorted(os.listdir(parent))[:-KEPT]:
        shutil.rmtree(os.path.join(parent, name), ignore_errors=True)
