"""Whether a caller may do what it asks, before moto does it.

Operators, whose credentials are of no role that exists here, may do everything
that no bucket policy denies them. Hosts and, where it is wanted, everybody with
the credentials of a role are judged as AWS judges them: a policy of the role
allows it, none denies it, the permission boundary and the session's policy
allow it too, and so does the policy of the KMS key or of the role to assume."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import flask
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.sts.models import sts_backends

from awsapi import buckets, errors
from awsapi.actions import PASSED, action_of
from awsapi.parameters import asked_of
from awsapi.patching import Emulator
from awsapi.policies import Caller, caller
from awsapi.requests import Call, read_call
from awsapi.resources import Asked, Target, key_target, role_handed_on, secret_key, targets_of

ALLOWED, DENIED, NEUTRAL = PermissionResult.PERMITTED, PermissionResult.DENIED, PermissionResult.NEUTRAL


@dataclass(frozen=True)
class Act:
    """One thing that a call needs to be allowed."""

    action: str
    target: Target


@dataclass(frozen=True)
class Judged:
    """A role at work: its policies, its boundary and its session's policy."""

    arn: str
    policies: list[Any]
    boundary: Any = None
    session: str = ""

    def refusal(self, act: Act) -> str:
        """Why the act is refused, "" when it is allowed."""
        verdict = _verdict(self.policies, act)
        if verdict is not ALLOWED:
            return _because(verdict, "identity-based policy", act)
        for kind, policy in (("permissions boundary", self.boundary), ("session policy", self.session)):
            if policy:
                verdict = _verdict([policy], act)
                if verdict is not ALLOWED:
                    return _because(verdict, kind, act)
        return ""


def _verdict(policies: list[Any], act: Act) -> PermissionResult:
    results = [
        IAMPolicy(policy).is_action_permitted(act.action, act.target.arn, None, act.target.values)
        for policy in policies
    ]
    for verdict in (DENIED, ALLOWED):
        if verdict in results:
            return verdict
    return NEUTRAL


def _because(verdict: PermissionResult, kind: str, act: Act) -> str:
    if verdict is DENIED:
        return f"with an explicit deny in a {kind}"
    return f"because no {kind} allows the {act.action} action"


class Authority:
    """Answers the calls that may not be done; its check runs before moto's views."""

    def __init__(self, emulator: Emulator):
        self._emulator = emulator

    def check(self) -> flask.Response | None:
        """The refusal of the request that is being served, None to go on."""
        environ = flask.request.environ
        call = read_call(environ, flask.request.get_data(cache=True))
        if call.action == "AssumeRoleWithWebIdentity":
            return self._web_identity(call)
        if not call.access_key or call.action == "GetCallerIdentity":
            return None
        asking = caller()
        asked = asked_of(call, asking.account, action_of(call, flask.request.args))
        if call.service == "s3":
            astray = buckets.astray(call, asked)
            if astray:
                return _answer(call, *astray)
        judged = self._judged(call, asked)
        if call.action == "DeleteObjects":
            flask.g.sandbox_refused = self._refused_keys(asked, asking, judged)
            return None
        for act in _acts(call, asked, wanting=judged is not None):
            why = self._refusal(act, asked, asking, judged)
            if why:
                return _denied(call, asking, act, why)
        return None

    def _refusal(self, act: Act, asked: Asked, asking: Caller, judged: Judged | None) -> str:
        if act.action.startswith("s3:") and asked.bucket:
            verdict = _bucket_verdict(act)
            if verdict is DENIED:
                return _because(verdict, "resource-based policy", act)
            owner = buckets.owner(asked.bucket)
            if verdict is NEUTRAL and owner not in ("", asking.account):
                return _because(verdict, "resource-based policy", act)
            if verdict is ALLOWED and judged is not None and _verdict([*judged.policies, *filter(None, [judged.boundary])], act) is not DENIED:
                return ""
        if judged is None:
            return ""
        why = judged.refusal(act)
        if not why and act.action.startswith("kms:"):
            why = _key_refusal(asked, act)
        if not why and act.action == "sts:AssumeRole":
            why = _trust_refusal(act)
        return why

    def _judged(self, call: Call, asked: Asked) -> Judged | None:
        """The role that asks when it is to be judged."""
        settings = self._emulator.settings
        host = self._emulator.is_host_key(call.access_key)
        if not (settings.enforce_host_roles if host else settings.enforce_roles):
            return None
        session = sts_backends[asked.account][asked.partition].get_assumed_role_from_access_key(call.access_key)
        if session is None:
            return None
        backend = iam_backends[asked.account][asked.partition]
        try:
            role = backend.get_role_by_arn(session.role_arn)
        except NotFoundException:
            # Roles that nobody made are for switching accounts only.
            return None
        boundary = role.permissions_boundary_arn
        return Judged(
            session.arn,
            [*role.policies.values(), *role.managed_policies.values()],
            backend.get_policy(boundary) if boundary else None,
            session.policy or "",
        )

    def _refused_keys(self, asked: Asked, asking: Caller, judged: Judged | None) -> set[str]:
        """Of DeleteObjects, which is answered key by key."""
        refused = set()
        for key, version in buckets.keys_to_delete(flask.request.get_data(cache=True)):
            action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
            act = Act(action, Target(f"arn:{asked.partition}:s3:::{asked.bucket}/{key}"))
            if self._refusal(act, asked, asking, judged):
                refused.add(key)
        return refused

    def _web_identity(self, call: Call) -> flask.Response | None:
        """Nobody signs this call: the role's trust policy judges the token. Its
        signature is not checked, which takes the provider's keys."""
        if not self._emulator.settings.enforce_roles:
            return None
        asked = asked_of(call, self._emulator.settings.account, "sts:AssumeRoleWithWebIdentity")
        claims = _claims(asked.text("WebIdentityToken"))
        host = str(claims.get("iss", "")).removeprefix("https://")
        values = {f"{host}:{name}".lower(): [str(claims[name])] for name in ("aud", "sub") if name in claims}
        arn = asked.text("RoleArn")
        account = arn.split(":")[4] if arn.count(":") >= 5 else asked.account
        provider = f"arn:{asked.partition}:iam::{account}:oidc-provider/{host}"
        act = Act("sts:AssumeRoleWithWebIdentity", Target(arn, values))
        known = provider in iam_backends[account][asked.partition].open_id_providers
        if known and _trust_verdict(act, provider) is ALLOWED:
            return None
        return _answer(call, 403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")


def _acts(call: Call, asked: Asked, wanting: bool) -> Iterator[Act]:
    """All that a call needs. Without wanting only what a bucket may deny."""
    if call.service != "s3":
        if wanting:
            for target in targets_of(asked):
                yield Act(asked.action, target)
            for parameter, service in PASSED.get(asked.action, {}).items():
                role = role_handed_on(asked, parameter)
                if role:
                    yield Act("iam:PassRole", Target(role, {"iam:passedtoservice": [f"{service}.amazonaws.com"]}))
            if call.service == "secretsmanager":
                for action, key_id in secret_key(asked):
                    yield Act(action, key_target(asked, key_id, "secretsmanager"))
        return
    for target in targets_of(asked):
        for action in buckets.also_needed(asked):
            yield Act(action, target)
    for action, arn in buckets.source_of_a_copy(asked):
        yield Act(action, Target(arn))
    if wanting:
        for action, key_id in buckets.keys_needed(asked):
            yield Act(action, key_target(asked, key_id, "s3"))


def _bucket_verdict(act: Act) -> PermissionResult:
    """What the policy of the bucket says that the act is about."""
    name = act.target.arn.split(":::", 1)[-1].split("/", 1)[0]
    bucket = buckets.bucket_of(name)
    return _verdict([bucket.policy.decode()], act) if bucket is not None and bucket.policy else NEUTRAL


def _key_refusal(asked: Asked, act: Act) -> str:
    key = kms_backends[asked.account][asked.region].keys.get(act.target.arn.rpartition("/")[2])
    if key is None:
        return ""
    verdict = _verdict([key.policy], act)
    return "" if verdict is ALLOWED else _because(verdict, "resource-based policy", act)


def _trust_refusal(act: Act) -> str:
    verdict = _trust_verdict(act, None)
    return "" if verdict is ALLOWED else _because(verdict, "resource-based policy", act)


def _trust_verdict(act: Act, principal: str | None) -> PermissionResult:
    arn = act.target.arn
    try:
        role = iam_backends[arn.split(":")[4]][arn.split(":")[1]].get_role_by_arn(arn)
    except (NotFoundException, IndexError):
        return NEUTRAL
    trust = IAMPolicy(role.assume_role_policy_document)
    return trust.is_action_permitted(act.action, arn, principal, act.target.values)


def _claims(token: str) -> dict[str, Any]:
    try:
        part = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, binascii.Error):
        return {}
    return claims if isinstance(claims, dict) else {}


def _denied(call: Call, asking: Caller, act: Act, why: str) -> flask.Response:
    message = f"User: {asking.arn} is not authorized to perform: {act.action} on resource: {act.target.arn} {why}"
    if call.service == "ec2":
        return _answer(call, 403, "UnauthorizedOperation", "You are not authorized to perform this operation. " + message)
    if "HTTP_X_AMZ_TARGET" in flask.request.environ:
        return _answer(call, 400, "AccessDeniedException", message)
    return _answer(call, 403, "AccessDenied", message)


def _answer(call: Call, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> flask.Response:
    kind, body, extra = errors.body(call, "HTTP_X_AMZ_TARGET" in flask.request.environ, status, code, message)
    response = flask.Response(b"" if call.method == "HEAD" else body, status=status, content_type=kind)
    response.headers.update({**extra, **(headers or {})})
    return response
