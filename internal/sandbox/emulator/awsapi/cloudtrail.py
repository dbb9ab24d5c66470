"""CloudTrail."""

from __future__ import annotations

import json
from typing import Any

from moto.cloudtrail.models import CloudTrailBackend
from moto.cloudtrail.responses import CloudTrailResponse

from awsapi.patching import Emulator, around


def trails_are_known_by_arn(_: Emulator) -> None:
    """8. Starting, stopping and deleting a trail by its ARN is an internal
    error or does nothing."""

    for name in ("start_logging", "stop_logging", "delete_trail"):

        @around(CloudTrailBackend, name)
        def by_name(original: Any, self: CloudTrailBackend, name: str) -> None:
            original(self, self.get_trail(name).trail_name)


def trails_are_described_by_name(_: Emulator) -> None:
    """8. Whichever trails are asked for, all of the account are answered: with
    two of them that span regions, neither can be refreshed."""

    @around(CloudTrailResponse, "describe_trails")
    def named(original: Any, self: CloudTrailResponse) -> str:
        trails = json.loads(original(self))["trailList"]
        wanted = self._get_param("trailNameList")
        if wanted:
            trails = [t for t in trails if t["Name"] in wanted or t["TrailARN"] in wanted]
        return json.dumps({"trailList": trails})
