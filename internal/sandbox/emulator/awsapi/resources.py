"""What a call acts upon: ARNs, and what conditions may ask about them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from moto.ec2.models import ec2_backends
from moto.iam.exceptions import NotFoundException
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.utilities.utils import get_partition

from awsapi.policies import UNKNOWN

Values = dict[str, list[str]]  # condition keys in lower case


@dataclass(frozen=True)
class Asked:
    """A call as policies see it. parameters are flat for the query protocol
    (Tags.member.1.Key) and nested for JSON; bucket and key are S3's."""

    action: str
    account: str
    region: str
    parameters: dict[str, Any] = field(default_factory=dict)
    path: str = ""
    bucket: str = ""
    key: str = ""

    @property
    def partition(self) -> str:
        return str(get_partition(self.region))

    def arn(self, service: str, rest: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{rest}"

    def text(self, *names: str) -> str:
        """The first of the parameters that is given, "" without."""
        for name in names:
            value = self.parameters.get(name)
            if isinstance(value, str) and value:
                return value
        return ""


@dataclass(frozen=True)
class Target:
    """One resource, and what conditions may ask about it."""

    arn: str
    values: Values = field(default_factory=dict)


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


# What these calls need of the secret's key.
SECRET_KEYS = {
    "GetSecretValue": ("Decrypt",),
    "PutSecretValue": ("Decrypt", "GenerateDataKey"),
    "CreateSecret": ("Decrypt", "GenerateDataKey"),
    "UpdateSecret": ("Decrypt", "GenerateDataKey"),
}


def targets_of(asked: Asked) -> list[Target]:
    """What the call acts upon; UNKNOWN where that is not understood."""
    find = SERVICES.get(asked.action.partition(":")[0])
    found = list(find(asked)) if find else []
    asks = _request_tags(asked.parameters)
    return [Target(target.arn, {**asks, **target.values}) for target in found or [Target(UNKNOWN)]]


def _s3(asked: Asked) -> Iterator[Target]:
    if asked.bucket:
        path = f"{asked.bucket}/{asked.key}" if asked.key else asked.bucket
        yield Target(f"arn:{asked.partition}:s3:::{path}")


def _ec2(asked: Asked) -> Iterator[Target]:
    if asked.action.startswith(("ec2:Describe", "ec2:Get", "ec2:Search")):
        return
    tags = ec2_backends[asked.account][asked.region].tags
    for name, value in asked.parameters.items():
        match = EC2_ID.fullmatch(str(value))
        if match is None or match.group(1) not in EC2_TYPES or name.startswith("Filter"):
            continue
        values: Values = {}
        for key, tag in tags.get(value, {}).items():
            values[f"aws:resourcetag/{key.lower()}"] = [tag]
            values[f"ec2:resourcetag/{key.lower()}"] = [tag]
        yield Target(asked.arn("ec2", f"{EC2_TYPES[match.group(1)]}/{value}"), values)


def _iam(asked: Asked) -> Iterator[Target]:
    prefix = f"arn:{asked.partition}:iam::{asked.account}:"
    values: Values = {}
    if asked.text("PolicyArn"):
        values["iam:policyarn"] = [asked.text("PolicyArn")]
    if asked.text("PermissionsBoundary"):
        values["iam:permissionsboundary"] = [asked.text("PermissionsBoundary")]
    profile, role, user = asked.text("InstanceProfileName"), asked.text("RoleName"), asked.text("UserName")
    if profile:
        yield Target(f"{prefix}instance-profile/{profile}", _tags(_profile(asked, profile)))
    elif role:
        held = _role(asked, role)
        boundary = getattr(held, "permissions_boundary_arn", None)
        if boundary:
            values.setdefault("iam:permissionsboundary", [boundary])
        yield Target(getattr(held, "arn", f"{prefix}role/{role}"), {**_tags(held), **values})
    elif user:
        yield Target(f"{prefix}user/{user}", values)
    elif asked.text("PolicyArn"):
        arn = asked.text("PolicyArn")
        policy = iam_backends[asked.account][asked.partition].managed_policies.get(arn)
        yield Target(arn, {**_tags(policy), **values})
    elif asked.text("PolicyName"):
        yield Target(f"{prefix}policy/{asked.text('PolicyName')}", values)
    elif asked.text("OpenIDConnectProviderArn"):
        yield Target(asked.text("OpenIDConnectProviderArn"), values)


def _role(asked: Asked, name: str) -> Any:
    try:
        return iam_backends[asked.account][asked.partition].get_role(name)
    except NotFoundException:
        return None


def _profile(asked: Asked, name: str) -> Any:
    """An instance profile by its name or its ARN."""
    try:
        return iam_backends[asked.account][asked.partition].get_instance_profile(name.rsplit("/", 1)[-1])
    except NotFoundException:
        return None


def role_handed_on(asked: Asked, parameter: str) -> str:
    """The ARN of the role that a parameter hands to a service, "" for none."""
    given = asked.text(parameter)
    if not given:
        return ""
    profile = None if ":role/" in given or parameter == "RoleName" else _profile(asked, given)
    if profile is not None:
        return str(profile.roles[0].arn) if profile.roles else ""
    name = given.rsplit("/", 1)[-1]
    return str(getattr(_role(asked, name), "arn", f"arn:{asked.partition}:iam::{asked.account}:role/{name}"))


def _tags(holder: Any) -> Values:
    """aws:ResourceTag of what moto keeps as an object, whatever way it keeps its tags."""
    tags = getattr(holder, "tags", None) or []
    pairs = list(tags.values()) if isinstance(tags, dict) else tags
    return {f"aws:resourcetag/{tag['Key'].lower()}": [tag["Value"]] for tag in pairs}


def key_target(asked: Asked, key_id: str, via: str = "") -> Target:
    """A KMS key by its id, its ARN or an alias, with the names that it has; via
    is the service that uses it for the caller."""
    found = _key(asked, key_id)
    if not via:
        return found
    return Target(found.arn, {**found.values, "kms:viaservice": [f"{via}.{asked.region}.amazonaws.com"]})


def _key(asked: Asked, key_id: str) -> Target:
    backend = kms_backends[asked.account][asked.region]
    try:
        key = backend.keys[backend.any_id_to_key_id(key_id)]
    except (KeyError, AttributeError, TypeError):
        return Target(key_id if key_id.startswith("arn:") else asked.arn("kms", f"key/{key_id}"))
    return Target(key.arn, {"kms:resourcealiases": list(key.aliases)} if key.aliases else {})


def _kms(asked: Asked) -> Iterator[Target]:
    alias = asked.text("AliasName")
    if alias:
        yield Target(asked.arn("kms", alias))
    for name in ("KeyId", "TargetKeyId"):
        if asked.text(name):
            yield key_target(asked, asked.text(name))


def _secret(asked: Asked) -> Iterator[Target]:
    given = asked.text("SecretId", "Name")
    if given:
        secret = secretsmanager_backends[asked.account][asked.region].secrets.get(given)
        bare = given if given.startswith("arn:") else asked.arn("secretsmanager", f"secret:{given}")
        yield Target(getattr(secret, "arn", bare), _tags(secret))


def secret_key(asked: Asked) -> Iterator[tuple[str, str]]:
    """What Secrets Manager does with KMS for the caller: action and key."""
    secret = secretsmanager_backends[asked.account][asked.region].secrets.get(asked.text("SecretId", "Name"))
    key_id = getattr(secret, "kms_key_id", None) or asked.text("KmsKeyId")
    for action in SECRET_KEYS.get(asked.action.partition(":")[2], ()):
        if key_id:
            yield f"kms:{action}", key_id


def _ssm(asked: Asked) -> Iterator[Target]:
    names = asked.parameters.get("Names") or [asked.text("Name", "ResourceId")]
    if "Parameter" in asked.action or asked.text("ResourceType") == "Parameter":
        for name in names:
            if name:
                yield Target(asked.arn("ssm", f"parameter/{str(name).lstrip('/')}"))


def _named(service: str, kind: str, *parameters: str) -> Callable[[Asked], Iterator[Target]]:
    """Resources that a parameter names, by their ARN or by their bare name."""

    def find(asked: Asked) -> Iterator[Target]:
        given = asked.text(*parameters)
        if given:
            yield Target(given if given.startswith("arn:") else asked.arn(service, kind + given))

    return find


def _metrics(asked: Asked) -> Iterator[Target]:
    """Metrics have no ARN: policies bound them by their namespace."""
    namespace = asked.text("Namespace")
    if asked.action == "cloudwatch:PutMetricData" and namespace:
        yield Target("*", {"cloudwatch:namespace": [namespace]})
    else:
        yield from _named("cloudwatch", "alarm:", "AlarmName", "ResourceARN")(asked)


def _zone(asked: Asked) -> Iterator[Target]:
    match = re.search(r"/(hostedzone|change)/([A-Z0-9]+)", asked.path)
    if match:
        yield Target(f"arn:{asked.partition}:route53:::{match.group(1)}/{match.group(2)}")


SERVICES: dict[str, Callable[[Asked], Iterator[Target]]] = {
    "s3": _s3,
    "ec2": _ec2,
    "iam": _iam,
    "kms": _kms,
    "ssm": _ssm,
    "route53": _zone,
    "sts": _named("iam", "role/", "RoleArn"),
    "secretsmanager": _secret,
    "sns": _named("sns", "", "TopicArn", "Name", "ResourceArn"),
    "cloudtrail": _named("cloudtrail", "trail/", "Name", "TrailName", "ResourceId"),
    "logs": _named("logs", "log-group:", "logGroupName", "logGroupIdentifier", "resourceArn"),
    "cloudwatch": _metrics,
    "elasticmapreduce": _named("elasticmapreduce", "cluster/", "ClusterId", "ResourceId"),
    "rds": _named("rds", "db:", "DBInstanceIdentifier", "ResourceName"),
}


def _request_tags(parameters: dict[str, Any]) -> Values:
    """aws:RequestTag and aws:TagKeys: Tags as JSON calls and query calls give them."""
    pairs: dict[str, str] = {}
    for name in ("Tags", "tags", "TagsList", "TagList"):
        given = parameters.get(name)
        if isinstance(given, dict):
            pairs.update({str(k): str(v) for k, v in given.items()})
        for tag in given if isinstance(given, list) else []:
            if isinstance(tag, dict):
                pairs[str(tag.get("Key", tag.get("TagKey")))] = str(tag.get("Value", tag.get("TagValue", "")))
    for name, key in parameters.items():
        match = re.fullmatch(r"(.*Tags?(?:\.member|\.Tag)?\.\d+)\.Key", str(name))
        if match:
            pairs[str(key)] = str(parameters.get(f"{match.group(1)}.Value", ""))
    values: Values = {f"aws:requesttag/{key.lower()}": [value] for key, value in pairs.items()}
    if pairs:
        values["aws:tagkeys"] = list(pairs)
    return values
