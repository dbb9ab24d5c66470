-- What the server on this host is, as one JSON object. Positions are counted
-- from 0/0 in bytes, spans in seconds. A standby has no slots of interest, a
-- primary no receiver. The rows of repmgr.nodes are the primary's, replicated
-- to standbys and copied to the witness.
SELECT json_build_object(
  'version', split_part(current_setting('server_version'), ' ', 1),
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'in_recovery', pg_is_in_recovery(),
  'read_only', current_setting('default_transaction_read_only')::bool,
  'timeline', CASE WHEN pg_is_in_recovery()
    THEN coalesce((SELECT received_tli FROM pg_stat_wal_receiver WHERE received_tli > 0), (SELECT timeline_id FROM pg_control_checkpoint()))
    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
  'position', pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, '0/0')::bigint,
  'received', CASE WHEN pg_is_in_recovery()
    THEN pg_wal_lsn_diff(greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()), '0/0')::bigint ELSE 0 END,
  'receiver', (SELECT json_build_object('state', status, 'host', sender_host, 'slot', slot_name) FROM pg_stat_wal_receiver),
  'replay_paused', CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() ELSE false END,
  'since_replay', CASE WHEN pg_is_in_recovery()
    THEN coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::float8 ELSE 0 END,
  'replicas', coalesce((SELECT json_agg(json_build_object(
      'name', application_name, 'state', state, 'sync', sync_state,
      'lag_bytes', pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, replay_lsn)::bigint,
      'lag_seconds', coalesce(extract(epoch FROM replay_lag), 0)::float8) ORDER BY application_name)
    FROM pg_stat_replication WHERE application_name !~ 'basebackup'), '[]'::json),
  'slots', coalesce((SELECT json_agg(json_build_object(
      'name', slot_name, 'active', active, 'wal_status', coalesce(wal_status, ''),
      'retained_bytes', coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint) ORDER BY slot_name)
    FROM pg_replication_slots), '[]'::json),
  'slot_limit_bytes', CASE WHEN current_setting('max_slot_wal_keep_size') = '-1' THEN -1 ELSE pg_size_bytes(current_setting('max_slot_wal_keep_size')) END,
  'connections', (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
  'max_connections', current_setting('max_connections')::int,
  'synchronous', current_setting('synchronous_standby_names'),
  'archive_failing', (SELECT coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false) FROM pg_stat_archiver),
  'repmgrd_running', repmgr.repmgrd_is_running(),
  'repmgrd_paused', repmgr.repmgrd_is_paused(),
  'nodes', coalesce((SELECT json_agg(json_build_object(
      'number', node_id, 'name', node_name, 'type', type, 'active', active, 'upstream', coalesce(upstream_node_id, 0)) ORDER BY node_id)
    FROM repmgr.nodes), '[]'::json))
