"""A cluster for tests: three nodes, or four with a second standby, as the standby postgresql-2 sees it."""

import dataclasses
import tempfile

from infra_postgresql import cloud, quorum, sample, server, settings

NODES = [
    {"number": 1, "name": "postgresql-1", "address": "10.0.0.1", "role": "primary", "instance_id": "i-1"},
    {"number": 2, "name": "postgresql-2", "address": "10.0.1.1", "role": "standby", "instance_id": "i-2"},
    {"number": 3, "name": "postgresql-3", "address": "10.0.2.1", "role": "standby", "instance_id": "i-3"},
    {"number": 4, "name": "postgresql-witness", "address": "10.0.3.1", "role": "witness", "instance_id": "i-4"},
]
RAW = {
    "cluster": "test", "region": "eu-west-1", "number": 2, "name": "postgresql-2", "role": "standby", "version": "15",
    "data_directory": "/var/lib/postgresql/15/main", "config_directory": "/etc/postgresql/15/main",
    "bin_directory": "/usr/lib/postgresql/15/bin", "nodes": [NODES[0], NODES[1], NODES[3]],
    "endpoint": {"address": "198.51.100.9", "allocation_id": "eipalloc-1", "name": "postgresql.test.internal", "zone_id": "Z1"},
}
NOW = 1_700_000_000.0


def make(**changes):
    """Return Settings with a state directory of their own."""
    return settings.decode({**RAW, "state_directory": tempfile.mkdtemp(), **changes})


def standby(lsn=1000, timeline=1):
    """A server in recovery."""
    return server.State(True, False, "1", timeline, lsn, lsn, "streaming", "10.0.0.1")


def writable(timeline=1, lsn=1000):
    """A server that takes writes."""
    return server.State(False, False, "1", timeline, lsn, None, None, None)


def instance(number, state="running", fenced=None):
    """An instance as the API tells it."""
    return cloud.Instance("i-%d" % number, state, {} if fenced is None else {"fenced": fenced})


def sampled(**changes):
    """The primary as it was 4 s ago, without a byte of lag."""
    found = sample.Sample(at=NOW - 4, primary=1, primary_lsn=1000, received_lsn=1000, timeline=1, own_timeline=1,
                          sync_state="async", streaming=())
    return dataclasses.replace(found, **changes)


def sight(upstream, ago):
    """What a voter's repmgrd tells."""
    return server.Sight(upstream, ago, NOW)


def facts(**changes):
    """The primary is silent for 5 s, the witness agrees, the API answers and nothing is behind."""
    usual = {
        "own": standby(), "states": {1: None, 4: writable()}, "instances": {1: instance(1), 2: instance(2)},
        "seen": {2: sight(1, 5), 4: sight(1, 5)}, "sample": sampled(),
    }
    return quorum.Facts(**{**usual, **changes})
