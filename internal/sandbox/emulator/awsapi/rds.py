"""RDS as AWS has it, where moto differs."""

from __future__ import annotations

from typing import Any

from moto.core.base_backend import BaseBackend

from awsapi.patching import Emulator, added


def instances_in_a_network_are_restored(_: Emulator) -> None:
    """RestoreDBInstanceToPointInTime copies the source with all that it refers
    to, which for one with groups of subnets or security ends in whole
    backends and their locks, and so in an error. No backend is ever copied."""

    @added(BaseBackend)
    def __deepcopy__(self: Any, _memo: dict[int, Any]) -> Any:
        return self
