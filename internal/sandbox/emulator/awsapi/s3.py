"""S3."""

from __future__ import annotations

import json
from typing import Any

from moto.s3.models import LOGGING_SERVICE_PRINCIPAL, FakeBucket

from awsapi.conditions import wildcard
from awsapi.patching import Emulator, around


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def log_targets_may_have_any_policy(_: Emulator) -> None:
    """PutBucketLogging is an internal error when the target's policy has a
    statement for everybody, and refuses policies that grant the right with
    wildcards or lists."""

    @around(FakeBucket, "_log_permissions_enabled_policy")
    def enabled(
        original: Any, self: FakeBucket, target_bucket: FakeBucket, target_prefix: str | None
    ) -> bool:
        if not target_bucket.policy:
            return False
        wanted = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}x"
        for statement in _list(json.loads(target_bucket.policy.decode())["Statement"]):
            principal = statement.get("Principal")
            services = _list(principal.get("Service", [])) if isinstance(principal, dict) else []
            if (
                statement.get("Effect") == "Allow"
                and LOGGING_SERVICE_PRINCIPAL in services
                and any(wildcard(p, "s3:PutObject", True) for p in _list(statement.get("Action", [])))
                and any(wildcard(p, wanted) for p in _list(statement.get("Resource", [])))
            ):
                return True
        return False
