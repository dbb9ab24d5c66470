"""Policy statements, judged as IAM judges them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import flask
from moto.iam.access_control import IAMPolicyStatement, PermissionResult
from moto.iam.models import get_account_id_from
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from awsapi.conditions import satisfied, wildcard
from awsapi.patching import Emulator, around
from awsapi.requests import access_key_of

# A resource that the API call does not name in a way that is understood here:
# what is allowed for any resource is allowed for it, denied is only what is
# denied for all.
UNKNOWN = "*"


@dataclass(frozen=True)
class Caller:
    """Who asks; arn is "" for somebody anonymous."""

    account: str
    arn: str
    user: str


def caller() -> Caller:
    """The caller of the request that is being served."""
    if "sandbox_caller" not in flask.g:
        flask.g.sandbox_caller = _caller("us-east-1")
    found: Caller = flask.g.sandbox_caller
    return found


def _caller(region: str) -> Caller:
    key = access_key_of(flask.request.headers.get("Authorization", ""), flask.request.args)
    if not key:
        return Caller("", "", "")
    account = get_account_id_from(key)
    user, arn, _ = sts_backends[account][get_partition(region)].get_caller_identity(key, region)
    return Caller(account, arn, user)


def conditions_are_evaluated(_: Emulator) -> None:
    """12. A statement with a Condition is judged as if it had none, or denies
    what it merely does not allow, so that a policy which wants TLS locks
    everyone out. Here a request counts as sent by TLS: on the machine the
    sandbox's endpoint is plain HTTP on purpose, its hosts really use TLS."""

    @around(IAMPolicyStatement, "is_action_permitted")
    def judge(
        original: Any,
        self: IAMPolicyStatement,
        action: str,
        resource: str = UNKNOWN,
        principal: str | None = None,
        incoming_condition_values: dict[str, Any] | None = None,
    ) -> PermissionResult:
        statement = self._statement
        allow = statement["Effect"] == "Allow"
        if not _named(statement, "Action", action, ignore_case=True):
            return PermissionResult.NEUTRAL
        if not _resource_matches(statement, resource, allow):
            return PermissionResult.NEUTRAL
        asking = caller() if flask.has_request_context() else Caller("", principal or "", "")
        if "Principal" in statement or "NotPrincipal" in statement:
            who = Caller(asking.account, principal, asking.user) if principal else asking
            if not _principal_matches(statement, who):
                return PermissionResult.NEUTRAL
        context = request_context(asking)
        for key, value in (incoming_condition_values or {}).items():
            context[key.lower()] = value if isinstance(value, list) else [value]
        if not satisfied(statement.get("Condition"), context):
            return PermissionResult.NEUTRAL
        return PermissionResult.PERMITTED if allow else PermissionResult.DENIED


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _named(statement: dict[str, Any], element: str, value: str, ignore_case: bool = False) -> bool:
    """Whether the element or its Not form covers the value."""
    if "Not" + element in statement:
        return not any(wildcard(p, value, ignore_case) for p in _list(statement["Not" + element]))
    return any(wildcard(p, value, ignore_case) for p in _list(statement.get(element, [])))


def _resource_matches(statement: dict[str, Any], resource: str, allow: bool) -> bool:
    if "Resource" not in statement and "NotResource" not in statement:
        return True  # a trust policy
    if resource == UNKNOWN:
        return allow or "*" in _list(statement.get("Resource", []))
    return _named(statement, "Resource", resource)


def _principal_matches(statement: dict[str, Any], who: Caller) -> bool:
    if "NotPrincipal" in statement:
        return not _is_one_of(statement["NotPrincipal"], who)
    return _is_one_of(statement["Principal"], who)


def _is_one_of(principals: Any, who: Caller) -> bool:
    if principals == "*":
        return True
    if not isinstance(principals, dict):
        return False
    if who.arn and who.arn in _list(principals.get("Federated", [])):
        return True
    for wanted in _list(principals.get("AWS", [])):
        if wanted == "*":
            return True
        if who.arn and wanted in (who.arn, role_of(who.arn), who.account):
            return True
        if who.account and wanted.endswith(f"::{who.account}:root"):
            return True
    return False


def role_of(arn: str) -> str:
    """The ARN of the role behind an assumed-role session, "" for others."""
    head, _, tail = arn.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{tail.split('/')[0]}" if tail else ""


def request_context(asking: Caller) -> dict[str, list[str]]:
    """The condition keys of the request that is being served, in lower case."""
    now = datetime.now(timezone.utc)
    context = {
        "aws:securetransport": ["true"],
        "s3:tlsversion": ["1.3"],
        "s3:signatureversion": ["AWS4-HMAC-SHA256"],
        "aws:currenttime": [now.strftime("%Y-%m-%dT%H:%M:%SZ")],
        "aws:epochtime": [str(int(now.timestamp()))],
        "aws:principalisawsservice": ["false"],
    }
    if asking.arn:
        context["aws:principalarn"] = [role_of(asking.arn) or asking.arn]
        context["aws:principalaccount"] = [asking.account]
        context["aws:resourceaccount"] = [asking.account]
        context["aws:userid"] = [asking.user]
        if ":user/" in asking.arn:
            context["aws:username"] = [asking.arn.rsplit("/", 1)[-1]]
    if not flask.has_request_context():
        return context
    request = flask.request
    context["aws:sourceip"] = [request.remote_addr or "127.0.0.1"]
    context["aws:useragent"] = [request.headers.get("User-Agent", "")]
    scope = request.headers.get("Authorization", "").partition("Credential=")[2].split("/")
    if len(scope) > 3:
        context["aws:requestedregion"] = [scope[2]]
    for name in ("prefix", "delimiter", "max-keys", "versionId"):
        if name in request.args:
            context[f"s3:{name.lower()}"] = [request.args[name]]
    for name, value in request.headers.items():
        if name.lower().startswith("x-amz-"):
            context[f"s3:{name.lower()}"] = [value]
        elif name.lower() in ("if-match", "if-none-match"):
            context[f"s3:{name.lower()}"] = [value]
    return context
