"""S3."""

from __future__ import annotations

import json
from typing import Any

import flask
from moto.iam.access_control import PermissionResult
from moto.s3.models import LOGGING_SERVICE_PRINCIPAL, FakeBucket, FakeDeleteMarker
from moto.s3.responses import S3Response

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


def authorisation_knows_the_bucket_policy(_: Emulator) -> None:
    """12. A bucket's policy is asked for s3:HeadObject and the like, for
    versions as for current objects, and not at all for the bucket's own
    settings, and its refusal has no body. authorisation.py asks it instead,
    except for what nobody signed."""

    @around(FakeBucket, "get_permission")
    def permission(original: Any, self: FakeBucket, action: str, resource: str) -> Any:
        if "sandbox_refused" in flask.g:
            refused = resource.split(":::", 1)[-1].partition("/")[2] in flask.g.sandbox_refused
            return PermissionResult.DENIED if refused else PermissionResult.NEUTRAL
        if flask.request.headers.get("Authorization"):
            return PermissionResult.NEUTRAL
        return original(self, action, resource)


def life_cycles_are_kept_whole(_: Emulator) -> None:
    """GetBucketLifecycleConfiguration does not show how many newer versions a
    rule keeps, so that who compares it with what he wants never is content."""

    @around(FakeBucket, "set_lifecycle")
    def keep(original: Any, self: FakeBucket, rules: list[dict[str, Any]]) -> None:
        original(self, rules)
        for kept, given in zip(self.rules, rules, strict=True):
            expiration = given.get("NoncurrentVersionExpiration") or {}
            kept.sandbox_newer_versions = expiration.get("NewerNoncurrentVersions")

    @around(S3Response, "get_bucket_lifecycle")
    def show(original: Any, self: Any) -> Any:
        serialise = self.serialized

        def whole(action_result: Any) -> Any:
            rules = self.backend.get_bucket_lifecycle(self.bucket_name)
            for shown, rule in zip(action_result.result["Rules"], rules, strict=True):
                newer = getattr(rule, "sandbox_newer_versions", None)
                if newer is not None:
                    shown["NoncurrentVersionExpiration"]["NewerNoncurrentVersions"] = newer
            return serialise(action_result)

        self.serialized = whole
        try:
            return original(self)
        finally:
            del self.serialized


def delete_markers_go_with_their_key(_: Emulator) -> None:
    """Once the versioning of a bucket is suspended, a key that has a delete
    marker among its versions cannot be deleted: moto wants to close the file
    of a version that has none. So a bucket cannot be emptied."""
    FakeDeleteMarker.dispose = lambda self: None
