# GNU General Public License v3.0+ (https://www.gnu.org/licenses/gpl-3.0.txt)
"""Questions to the PostgreSQL cluster on this host, asked as the user postgres by the local socket."""

from __future__ import annotations

import json
import os
import re

# One statement, one JSON answer: what the running server is and how replication stands. A primary also proves that it
# takes writes: see WRITE.
STATE = """
SELECT json_build_object(
  'in_recovery', pg_is_in_recovery(),
  'read_only', current_setting('default_transaction_read_only')::bool,
  'system_identifier', (SELECT system_identifier::text FROM pg_control_system()),
  'timeline', CASE WHEN pg_is_in_recovery()
     THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT timeline_id FROM pg_control_checkpoint()))
     ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
  'receiver', (SELECT status FROM pg_stat_wal_receiver),
  'replicas', coalesce((SELECT json_agg(json_build_object('name', application_name, 'state', state)) FROM pg_stat_replication
                        WHERE application_name !~ 'basebackup'), '[]'::json),
  'pending_restart', coalesce((SELECT json_agg(name ORDER BY name) FROM pg_settings WHERE pending_restart), '[]'::json),
  'lowered', EXISTS (SELECT FROM pg_settings s JOIN pg_file_settings f USING (name)
                     WHERE s.pending_restart AND s.name IN ('max_connections', 'max_worker_processes', 'max_wal_senders',
                       'max_prepared_transactions', 'max_locks_per_transaction')
                       AND f.setting ~ '^[0-9]+$' AND f.setting::int < s.setting::int),
  'superusers', (SELECT json_agg(rolname ORDER BY rolname) FROM pg_roles WHERE rolsuper AND rolcanlogin),
  'prepared', coalesce((SELECT json_object_agg(rolname, shobj_description(oid, 'pg_authid')) FROM pg_roles
                        WHERE shobj_description(oid, 'pg_authid') LIKE 'infra:%'), '{}'::json))
"""

# Takes a transaction id and writes WAL, and leaves nothing.
WRITE = "BEGIN; CREATE TABLE infra_write_check (); ROLLBACK;"

NODES = """
SELECT coalesce(json_agg(json_build_object('number', node_id, 'name', node_name, 'type', type, 'active', active,
                                           'upstream', upstream_node_id) ORDER BY node_id), '[]'::json) FROM repmgr.nodes
"""


class Cluster:
    """The cluster of this host; every method asks anew."""

    def __init__(self, module, version, data_directory, user, rejoining=None):
        self.module = module
        self.programs = "/usr/lib/postgresql/%s/bin" % version
        self.data_directory = data_directory
        self.user = user
        self.rejoining = rejoining

    def psql(self, statement, database="postgres", host=None):
        """Return (text, None), or (None, the server's complaint)."""
        conninfo = "dbname=%s connect_timeout=3" % database
        if host:
            conninfo += " host=%s user=%s sslmode=require" % (host, self.user)
        code, out, err = self.module.run_command(
            ["psql", "--no-psqlrc", "--no-password", "--tuples-only", "--no-align", "--quiet",
             "--set=ON_ERROR_STOP=1", "--command", statement, conninfo], cwd="/")
        return (out.strip(), None) if code == 0 else (None, err.strip())

    def on_disk(self):
        """Return what the data directory says without a server."""
        if self.rejoining and os.path.exists(self.rejoining):
            return {"state": "rejoining", "timeline": self.control_timeline()}
        incomplete = os.path.exists(self.data_directory + ".incomplete")
        if not os.path.exists(os.path.join(self.data_directory, "PG_VERSION")):
            return {"state": "incomplete" if incomplete else "empty", "timeline": 0}
        if incomplete:
            return {"state": "incomplete", "timeline": 0}
        standby = os.path.exists(os.path.join(self.data_directory, "standby.signal"))
        return {"state": "stopped_standby" if standby else "stopped_primary", "timeline": self.control_timeline()}

    def control_timeline(self):
        """Return the timeline of the last checkpoint, 0 when the control file does not tell."""
        code, out, dummy = self.module.run_command(
            [os.path.join(self.programs, "pg_controldata"), self.data_directory], environ_update={"LC_ALL": "C"})
        found = re.search(r"Latest checkpoint's TimeLineID:\s+(\d+)", out) if code == 0 else None
        return int(found.group(1)) if found else 0

    def observe(self):
        """Return what the cluster is; the shape is documented in postgresql_info."""
        answer = {"replicas": [], "nodes": [], "pending_restart": [], "lowered": False, "receiver": "", "writable": False,
                  "complaint": "", "login": False, "system_identifier": "", "superusers": [], "prepared": {}}
        answer.update(self.on_disk())
        if answer["state"] in ("empty", "incomplete"):
            return answer
        text, complaint = self.psql(STATE)
        if text is None:
            answer["complaint"] = complaint
            return answer
        answer.update(json.loads(text))
        answer["state"] = "standby" if answer["in_recovery"] else "primary"
        answer["receiver"] = answer["receiver"] or ""
        if not answer["in_recovery"]:
            answer["writable"] = self.psql(WRITE)[0] is not None
        nodes = self.psql(NODES, database="repmgr")[0]
        answer["nodes"] = json.loads(nodes) if nodes else []
        if self.user:
            answer["login"] = self.psql("SELECT 1", database="repmgr", host="127.0.0.1")[0] == "1"
        return answer
