"""What this host knows of its cluster: read once from a file that Ansible writes; it holds no secret."""

from __future__ import annotations

import dataclasses
import json

PATH = "/etc/infra/postgresql.json"


@dataclasses.dataclass(frozen=True)
class Node:
    """A node of the cluster; role is what it was made as, not what it is now."""

    number: int
    name: str
    address: str
    zone: str = ""
    role: str = "standby"
    instance_id: str = ""

    @property
    def witness(self):
        """Whether the node has a vote and no data."""
        return self.role == "witness"


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """How clients find the primary: an elastic address, a name in the private zone, or both."""

    address: str = ""
    allocation_id: str | None = None
    name: str | None = None
    zone_id: str | None = None


@dataclasses.dataclass(frozen=True)
class Settings:
    """The whole file. Keys that it does not know are left alone."""

    cluster: str
    region: str
    number: int
    name: str
    role: str
    version: str
    data_directory: str
    config_directory: str
    bin_directory: str
    nodes: tuple[Node, ...]
    user: str = "repmgr"
    endpoint: Endpoint = Endpoint()
    backup_bucket: str = ""
    synchronous: bool = False
    lag_limit_bytes: int = 16 * 1024 * 1024
    restart_fenced: bool = True
    failover: str = "automatic"
    stanza: str = "main"
    repositories: int = 1  # of backups; the second is in another region
    state_directory: str = "/var/lib/infra-postgresql"

    @property
    def me(self):
        """The node of this host."""
        return self.node(self.number)

    @property
    def others(self):
        """Every node but this one."""
        return tuple(node for node in self.nodes if node.number != self.number)

    @property
    def data_nodes(self):
        """The nodes that hold data."""
        return tuple(node for node in self.nodes if not node.witness)

    @property
    def other_data_nodes(self):
        """The nodes that hold data, without this one."""
        return tuple(node for node in self.others if not node.witness)

    def node(self, number):
        """Return the node with the number."""
        return next(node for node in self.nodes if node.number == number)

    def named(self, name):
        """Return the node with the name, or None."""
        return next((node for node in self.nodes if node.name == name), None)


def decode(raw):
    """Return Settings made of the file's JSON object. Raises ValueError when it cannot be."""
    try:
        fields = _known(Settings, raw)
        fields["nodes"] = tuple(Node(**_known(Node, node)) for node in raw["nodes"])
        fields["endpoint"] = Endpoint(**_known(Endpoint, raw.get("endpoint") or {}))
        settings = Settings(**fields)
        settings.me  # noqa: B018  a host that is no node of its cluster has wrong settings
    except (KeyError, TypeError) as error:
        raise ValueError("the settings lack %s" % error) from error
    except StopIteration as error:
        raise ValueError("number %s is not one of the nodes" % raw["number"]) from error
    return settings


def load(path=PATH):
    """Return the Settings of the file."""
    with open(path, encoding="utf-8") as file:
        return decode(json.load(file))


def _known(kind, raw):
    names = {field.name for field in dataclasses.fields(kind)}
    return {key: value for key, value in raw.items() if key in names}
