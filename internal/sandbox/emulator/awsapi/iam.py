"""moto's own authorisation, of users with access keys, when it is switched on."""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import AssumedRoleAccessKey, IAMPolicy, IAMRequestBase, PermissionResult
from moto.iam.exceptions import NotFoundException

from awsapi.patching import Emulator, around
from awsapi.resources import Asked, Target, targets_of


def signatures_are_not_checked(_: Emulator) -> None:
    """13. With authorisation switched on, the check of signatures refuses what
    the Go SDK signs: moto writes the canonical query otherwise."""

    @around(IAMRequestBase, "check_signature")
    def check(original: Any, self: IAMRequestBase) -> None:
        return None


def resources_and_their_tags_are_known(_: Emulator) -> None:
    """13. With authorisation switched on, a policy for particular resources
    allows nothing, because calls are judged as calls upon "*"; tags of
    resources and of requests are not known; permission boundaries are ignored."""

    @around(IAMRequestBase, "check_action_permitted")
    def check(original: Any, self: IAMRequestBase, resource: str) -> None:
        if self._action == "sts:GetCallerIdentity":
            return
        if self._is_assuming_role_operation(resource) and not self._check_role_trust_relationship(resource):
            self._raise_access_denied()
        for target in _targets(self, resource):
            if not _permitted(self, self._access_key.collect_policies(), target):
                self._raise_access_denied()
            boundary = _boundary(self)
            if boundary is not None and not _permitted(self, [boundary], target):
                self._raise_access_denied()


def _targets(request: IAMRequestBase, resource: str) -> list[Target]:
    if resource != "*":
        return [Target(resource)]
    parameters = {k: v[0] if isinstance(v, list) and v else v for k, v in request._data.items()}
    return targets_of(Asked(request._action, request.account_id, request._region, parameters))


def _boundary(request: IAMRequestBase) -> Any:
    """The permission boundary of the role or user, None without one."""
    key = request._access_key
    try:
        if isinstance(key, AssumedRoleAccessKey):
            holder = request.backend.get_role(key._owner_role_name)
        else:
            holder = request.backend.get_user(key._owner_user_name)
    except NotFoundException:
        return None
    boundary = getattr(holder, "permissions_boundary_arn", None)
    return request.backend.get_policy(boundary) if boundary else None


def _permitted(request: IAMRequestBase, policies: list[Any], target: Target) -> bool:
    results = [
        IAMPolicy(policy).is_action_permitted(request._action, target.arn, None, target.values) for policy in policies
    ]
    return PermissionResult.PERMITTED in results and PermissionResult.DENIED not in results
