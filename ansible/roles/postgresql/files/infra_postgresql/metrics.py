"""The duty that publishes the figures that the alarms of the Terraform layer `postgresql` watch, once a minute.

What cannot be measured is left out, so that the alarm sees missing data: a zero would be a claim. Figures of the cluster
come from the node that knows them: the primary, each standby, or the witness.
"""

from __future__ import annotations

import importlib
import json
import os

from infra_postgresql import cloud, datadir, rejoin, server, witness

OF_NODE = ("writable",)

# Of any data node.
NODE = """
SELECT json_build_object(
  'connections_percent', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') * 100.0
    / current_setting('max_connections')::int,
  'oldest_transaction_seconds', (SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()),
  'checksum_failures', (SELECT sum(coalesce(checksum_failures, 0)) FROM pg_stat_database))
"""

PRIMARY = """
WITH replicas AS (
  SELECT replay_lsn FROM pg_stat_replication WHERE state = 'streaming' AND application_name !~ 'basebackup')
SELECT json_build_object(
  'streaming_standbys', (SELECT count(*) FROM replicas),
  'replay_lag_bytes', (SELECT max(pg_current_wal_lsn() - replay_lsn) FROM replicas),
  'transaction_id_age', (SELECT max(age(datfrozenxid)) FROM pg_database),
  'slot_wal_percent', (SELECT max(CASE WHEN wal_status = 'lost' THEN 100 ELSE
      100.0 * (pg_current_wal_lsn() - restart_lsn) / nullif(pg_size_bytes(current_setting('max_slot_wal_keep_size')), -1) END)
    FROM pg_replication_slots WHERE current_setting('max_slot_wal_keep_size') <> '-1'))
"""
VERIFIED = "SELECT extract(epoch FROM clock_timestamp() - max(at)) FROM infra.verification"

# By the primary's heartbeat: it grows also while replay is paused or nothing else is written.
STANDBY = "SELECT extract(epoch FROM clock_timestamp() - max(at)) FROM infra.heartbeat"

REPMGRD = "SELECT repmgr.repmgrd_is_running() AND NOT repmgr.repmgrd_is_paused()"


def run(context):
    """The duty."""
    figures, problems = measure(context)
    context.cloud.put_metrics(figures, of_node=OF_NODE)
    if problems:
        raise RuntimeError("not measured: %s" % "; ".join(problems))


def measure(context):
    """Return name -> number, and what could not be measured."""
    figures, problems = {}, []
    sources = [failover_manager, of_witness] if context.settings.me.witness else [
        failover_manager, failovers, writable, of_server, wal_disk, rehearsal, replacement, of_backup]
    for source in sources:
        try:
            figures.update({name: float(value) for name, value in source(context).items() if value is not None})
        except (server.Unreachable, OSError, ValueError, ImportError) as error:
            problems.append("%s: %s" % (source.__name__, error))
    return figures, problems


def failover_manager(context):
    """Return whether repmgrd runs and is not paused."""
    with server.connect(context.settings) as connection:
        return {"repmgrd_running": int(bool(server.rows(connection, REPMGRD)[0][0]))}


def failovers(context):
    """Return how often this node has fenced another or was promoted since the last call."""
    told = len(context.journal.entries("fenced", "promoted"))
    before = getattr(context.memory, "failovers", told)
    context.memory.failovers = told
    return {"failovers": max(0, told - before)}  # fewer: the journal has begun a new file


def of_witness(context):
    """Return whether the witness follows the primary, nothing when there is no single primary."""
    follows = witness.follows(context.settings)
    return {} if follows is None else {"witness_follows_primary": int(follows)}


def writable(context):
    """Return whether the own server takes writes; one that does not run takes none, one that is silent may."""
    try:
        return {"writable": int(server.ask(context.settings).writable)}
    except server.Unreachable:
        if datadir.postmaster(context.settings.data_directory) is None:
            return {"writable": 0}
        raise


def of_server(context):
    """Return what the own server knows, and more of it where it is the primary."""
    with server.connect(context.settings) as connection:
        found = decoded(server.rows(connection, NODE)[0][0])
        if server.state(connection).in_recovery:
            found["replay_lag_seconds"] = never_negative(server.rows(connection, STANDBY)[0][0])
        else:
            found.update(decoded(server.rows(connection, PRIMARY)[0][0]))
            found["verified_restore_age_seconds"] = never_negative(server.rows(connection, VERIFIED)[0][0])
    return found


def decoded(answer):
    """Return the object of a JSON answer, which psycopg2 may have decoded."""
    return dict(answer) if isinstance(answer, dict) else json.loads(answer)


def never_negative(seconds):
    """Two clocks differ a little."""
    return None if seconds is None else max(0.0, float(seconds))


def wal_disk(context):
    """Return how much of the volume WAL fills."""
    folder = os.path.join(context.settings.data_directory, "pg_wal")
    used = 0
    for entry in os.scandir(folder):
        try:
            used += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue  # recycled meanwhile
    volume = os.statvfs(folder)
    return {"wal_disk_percent": used * 100.0 / (volume.f_blocks * volume.f_frsize)}


def rehearsal(context):
    """Return whether this node could not fence another one if it had to."""
    try:
        for node in context.settings.other_data_nodes:
            context.cloud.rehearse(node)
    except cloud.CloudError:
        return {"fence_rehearsal_failures": 1}
    return {"fence_rehearsal_failures": 0}


def replacement(context):
    """Return whether this node asks to be replaced."""
    return {"replacement_wanted": int(bool(rejoin.read_mark(context.settings).get("wanted")))}


def of_backup(context):
    """Return the figures of the backups, where this node keeps any."""
    try:
        repository = importlib.import_module("infra_postgresql.repository")
    except ModuleNotFoundError:
        return {}
    return repository.metrics(context.settings)
