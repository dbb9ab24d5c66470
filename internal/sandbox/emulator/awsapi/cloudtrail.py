"""CloudTrail."""

from __future__ import annotations

from typing import Any

from moto.cloudtrail.models import CloudTrailBackend

from awsapi.patching import Emulator, around


def trails_are_known_by_arn(_: Emulator) -> None:
    """8. Starting, stopping and deleting a trail by its ARN is an internal
    error or does nothing."""

    for name in ("start_logging", "stop_logging", "delete_trail"):

        @around(CloudTrailBackend, name)
        def by_name(original: Any, self: CloudTrailBackend, name: str) -> None:
            original(self, self.get_trail(name).trail_name)
