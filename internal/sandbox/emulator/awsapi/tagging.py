"""The tagging API: resources of all services by their tags."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.cloudtrail.models import cloudtrail_backends
from moto.emr.models import emr_backends
from moto.iam.models import iam_backends
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend
from moto.route53.models import route53_backends
from moto.utilities.utils import get_partition

from awsapi.patching import Emulator, around

# Where the tagging API lists what has no region, partition by partition.
GLOBAL_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
Tags = dict[str, str]
Found = tuple[str, str, Tags]  # type as in ResourceTypeFilters, ARN, tags


def all_taggable_resources_are_listed(_: Emulator) -> None:
    """GetResources leaves out elastic addresses, endpoints, rules of security
    groups, key pairs, launch templates, EMR clusters, trails, hosted zones,
    IAM policies and instance profiles, lists instances that have ended, and
    misnames flow logs. Roles are missing in AWS too."""

    @around(ResourceGroupsTaggingAPIBackend, "_get_resources_generator")
    def generate(
        original: Any,
        self: ResourceGroupsTaggingAPIBackend,
        tag_filters: list[dict[str, Any]] | None = None,
        resource_type_filters: list[str] | None = None,
    ) -> Iterator[dict[str, Any]]:
        ended = _ended_instances(self)
        for item in original(self, tag_filters or [], resource_type_filters):
            kind, _, identifier = item["ResourceARN"].rpartition("/")
            if not kind.endswith(":flow-logs") and identifier not in ended:
                yield item
        for kind, arn, tags in _missing(self):
            if tags and _wanted(tags, tag_filters or []) and _of_type(kind, resource_type_filters):
                yield {"ResourceARN": arn, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}


def _wanted(tags: Tags, filters: list[dict[str, Any]]) -> bool:
    """Whether the tags satisfy every filter; a filter without values wants the key."""
    return all(f["Key"] in tags and (not f.get("Values") or tags[f["Key"]] in f["Values"]) for f in filters)


def _of_type(kind: str, types: list[str] | None) -> bool:
    return not types or kind in types or kind.split(":")[0] in types


def _ended_instances(backend: ResourceGroupsTaggingAPIBackend) -> set[str]:
    return {
        instance.id
        for reservation in backend.ec2_backend.reservations.values()
        for instance in reservation.instances
        if instance.state == "terminated"
    }


def _missing(backend: ResourceGroupsTaggingAPIBackend) -> Iterator[Found]:
    account, region = backend.account_id, backend.region_name
    partition = get_partition(region)
    yield from _ec2(backend.ec2_backend, f"arn:{partition}:ec2:{region}:{account}:")
    for cluster in emr_backends[account][region].clusters.values():
        if not cluster.state.startswith("TERMINAT"):
            yield "elasticmapreduce:cluster", cluster.arn, _pairs(cluster.tags)
    trails = cloudtrail_backends[account][region]
    for trail in trails.trails.values():
        yield "cloudtrail:trail", trail.arn, trails.tagging_service.get_tag_dict_for_resource(trail.arn)
    if region == GLOBAL_REGIONS.get(partition):
        yield from _global(account, partition)


def _ec2(backend: Any, prefix: str) -> Iterator[Found]:
    groups = [group for vpc in backend.groups.values() for group in vpc.values()]
    for kind, identifiers in (
        ("elastic-ip", [address.allocation_id for address in backend.addresses]),
        ("vpc-endpoint", list(backend.vpc_end_points)),
        ("security-group-rule", [r.id for g in groups for r in (*g.ingress_rules, *g.egress_rules)]),
        ("key-pair", [pair.id for pair in backend.key_pairs.values()]),
        ("vpc-flow-log", list(backend.flow_logs)),
        ("launch-template", list(backend.launch_templates)),
        ("network-acl", list(backend.network_acls)),
        ("dhcp-options", list(backend.dhcp_options_sets)),
    ):
        for identifier in identifiers:
            yield f"ec2:{kind}", f"{prefix}{kind}/{identifier}", dict(backend.tags.get(identifier, {}))


def _global(account: str, partition: str) -> Iterator[Found]:
    iam = iam_backends[account][partition]
    for policy in iam.managed_policies.values():
        yield "iam:policy", policy.arn, _pairs(policy.get_tags())
    for profile in iam.instance_profiles.values():
        yield "iam:instance-profile", profile.arn, _pairs(profile.tags)
    for provider in iam.open_id_providers.values():
        yield "iam:oidc-provider", provider.arn, _pairs(provider.get_tags())
    zones = route53_backends[account][partition]
    for zone in zones.zones.values():
        tags = dict(zones.resource_tags.get(zone.resource_id, {}))
        yield "route53:hostedzone", f"arn:{partition}:route53:::hostedzone/{zone.resource_id}", tags


def _pairs(tags: Any) -> Tags:
    return {tag["Key"]: tag["Value"] for tag in tags or []}
