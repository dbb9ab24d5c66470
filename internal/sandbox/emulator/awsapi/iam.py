"""Authorisation of callers."""

from __future__ import annotations

import re
from typing import Any

from moto.core.authorization import ActionAuthenticatorMixin
from moto.ec2.models import ec2_backends
from moto.iam.access_control import (
    AssumedRoleAccessKey,
    IAMPolicy,
    IAMRequestBase,
    PermissionResult,
)
from moto.iam.exceptions import NotFoundException

from awsapi.patching import Emulator, around
from awsapi.policies import UNKNOWN

# Prefix of an id -> the resource type in its ARN.
EC2_TYPES = {
    "i": "instance",
    "vol": "volume",
    "eni": "network-interface",
    "eipalloc": "elastic-ip",
    "sg": "security-group",
    "subnet": "subnet",
    "vpc": "vpc",
    "rtb": "route-table",
    "snap": "snapshot",
    "nat": "natgateway",
    "igw": "internet-gateway",
    "vpce": "vpc-endpoint",
}
EC2_ID = re.compile(r"([a-z]+)-[0-9a-f]{8,17}")


def signatures_are_not_checked(_: Emulator) -> None:
    """13. With authorisation switched on, the check of signatures refuses what
    the Go SDK signs: moto writes the canonical query otherwise."""

    @around(IAMRequestBase, "check_signature")
    def check(original: Any, self: IAMRequestBase) -> None:
        return None


def resources_and_their_tags_are_known(emulator: Emulator) -> None:
    """13. With authorisation switched on, a policy for particular resources
    allows nothing, because calls are judged as calls upon "*"; tags of
    resources and of requests are not known; permission boundaries are ignored."""

    @around(IAMRequestBase, "check_action_permitted")
    def check(original: Any, self: IAMRequestBase, resource: str) -> None:
        if self._action == "sts:GetCallerIdentity":
            return
        trusted = self._is_assuming_role_operation(resource)
        if trusted and not self._check_role_trust_relationship(resource):
            self._raise_access_denied()
        for arn, values in _targets(self, resource):
            if not _permitted(self, _policies(self), arn, values):
                self._raise_access_denied()
            boundary = _boundary(self)
            if boundary is not None and not _permitted(self, [boundary], arn, values):
                self._raise_access_denied()

    @around(ActionAuthenticatorMixin, "_authenticate_and_authorize_action")
    def authorise(original: Any, self: Any, request_class: Any, resource: str = UNKNOWN) -> None:
        if not (emulator.settings.enforce_host_roles and emulator.is_host_key(self.access_key)):
            original(self, request_class, resource)
            return
        request_class(
            account_id=self.current_account,
            method=self.method,
            path=self.path,
            data=self.data,
            body=self.raw_body,
            headers=self.headers,
            action=self._get_action(),
        ).check_action_permitted(resource)


def _policies(request: IAMRequestBase) -> list[Any]:
    return request._access_key.collect_policies()


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


def _permitted(
    request: IAMRequestBase, policies: list[Any], arn: str, values: dict[str, list[str]]
) -> bool:
    permitted = False
    for policy in policies:
        result = IAMPolicy(policy).is_action_permitted(request._action, arn, None, values)
        if result == PermissionResult.DENIED:
            return False
        permitted = permitted or result == PermissionResult.PERMITTED
    return permitted


def _targets(request: IAMRequestBase, resource: str) -> list[tuple[str, dict[str, list[str]]]]:
    """What the call acts upon, each with its condition keys."""
    service, _, action = request._action.partition(":")
    asked = _request_tags(request)
    if service != "ec2":
        return [(resource, asked)]
    if action.startswith(("Describe", "Get", "Search")):
        return [(UNKNOWN, asked)]
    backend = ec2_backends[request.account_id][request._region]
    found = []
    for name, value in request._data.items():
        identifier = value[0] if isinstance(value, list) else value
        match = EC2_ID.fullmatch(str(identifier))
        if match is None or match.group(1) not in EC2_TYPES or name.startswith("Filter"):
            continue
        values = dict(asked)
        for key, tag in backend.tags.get(identifier, {}).items():
            values[f"aws:resourcetag/{key.lower()}"] = [tag]
            values[f"ec2:resourcetag/{key.lower()}"] = [tag]
        kind = EC2_TYPES[match.group(1)]
        arn = f"arn:aws:ec2:{request._region}:{request.account_id}:{kind}/{identifier}"
        found.append((arn, values))
    return found or [(UNKNOWN, asked)]


def _request_tags(request: IAMRequestBase) -> dict[str, list[str]]:
    """aws:RequestTag and aws:TagKeys of a query call."""
    values: dict[str, list[str]] = {}
    keys = []
    for name, value in request._data.items():
        match = re.fullmatch(r"(.*Tags?(?:\.member)?\.\d+)\.Key", str(name))
        if match is None:
            continue
        key = value[0] if isinstance(value, list) else value
        held = request._data.get(f"{match.group(1)}.Value", [""])
        values[f"aws:requesttag/{key.lower()}"] = held if isinstance(held, list) else [held]
        keys.append(key)
    if keys:
        values["aws:tagkeys"] = keys
    return values
