"""RDS as AWS has it, where moto differs."""

from __future__ import annotations

from typing import Any

from moto.core.base_backend import BaseBackend
from moto.rds.models import RDSBackend

from awsapi.patching import Emulator, added, around


def instances_in_a_network_are_restored(_: Emulator) -> None:
    """RestoreDBInstanceToPointInTime copies the source with all that it refers
    to, which for one with groups of subnets or security ends in whole
    backends and their locks, and so in an error. No backend is ever copied."""

    @added(BaseBackend)
    def __deepcopy__(self: Any, _memo: dict[int, Any]) -> Any:
        return self


def what_is_restored_is_not_protected(_: Emulator) -> None:
    """An instance that is restored takes over its source's protection from
    deletion, also when the request says no; at AWS it has what the request
    says, and none by default."""

    @around(RDSBackend, "restore_db_instance_to_point_in_time")
    def restore(original: Any, self: Any, source: str, target: str, overrides: dict[str, Any]) -> Any:
        restored = original(self, source, target, overrides)
        restored.deletion_protection = bool(overrides.get("deletion_protection", False))
        return restored
