"""Everything that hosts, networks and names are made from, as one document."""

from __future__ import annotations

from datetime import timezone
from typing import Any

from moto.ec2.models import ec2_backends
from moto.route53.models import route53_backends

from awsapi.elastic import elastic_address_of


def build(version: int) -> dict[str, Any]:
    """The snapshot. The caller holds the emulator's lock."""
    result: dict[str, Any] = {
        "version": version,
        "vpcs": [],
        "subnets": [],
        "instances": [],
        "public_addresses": [],
        "volumes": [],
        "volume_snapshots": [],
        "images": [],
        "security_groups": [],
        "dns_zones": _zones(),
    }
    for account, region, backend in list(ec2_backends.iter_backends()):
        instances = [i for r in backend.reservations.values() for i in r.instances]
        result["instances"] += [_instance(i, account, region, backend) for i in instances]
        used = {interface.subnet.vpc_id for interface in backend.enis.values()}
        vpcs = {v.id: v for v in backend.vpcs.values() if not _is_default(v) or v.id in used}
        result["vpcs"] += [
            {"id": v.id, "cidr": v.cidr_block, "region": region, "account": account} for v in vpcs.values()
        ]
        result["subnets"] += [
            {"id": s.id, "vpc": s.vpc_id, "cidr": s.cidr_block, "zone": s.availability_zone}
            for by_zone in backend.subnets.values()
            for s in by_zone.values()
            if s.vpc_id in vpcs
        ]
        result["public_addresses"] += _public_addresses(backend)
        result["volumes"] += [
            {
                "id": v.id,
                "size_gb": int(v.size),
                "instance": v.attachment.instance.id if v.attachment else "",
                "zone": v.availability_zone or "",
                "snapshot": v.snapshot_id or "",
            }
            for v in backend.volumes.values()
        ]
        result["volume_snapshots"] += [
            {
                "id": s.id,
                "region": region,
                "volume": s.volume.id,
                "size_gb": int(s.volume_size),
                "source": s.sandbox_source,
                "taken": s.sandbox_taken.is_set(),
                "state": s.status,
                "started": s.start_time.replace(tzinfo=timezone.utc).isoformat(),
            }
            for s in backend.snapshots.values()
            if not s.from_ami
        ]
        result["images"] += [
            {"id": image.id, "instance": image.instance_id, "state": image.state}
            for image in backend.amis.values()
            if image.instance_id
        ]
        result["security_groups"] += [
            {
                "id": group.id,
                "vpc": group.vpc_id,
                "ingress": [_rule(rule) for rule in group.ingress_rules],
                "egress": [_rule(rule) for rule in group.egress_rules],
            }
            for vpc, groups in backend.groups.items()
            if vpc in vpcs
            for group in groups.values()
        ]
    for name in ("vpcs", "subnets", "instances", "volumes", "volume_snapshots", "images", "security_groups", "dns_zones"):
        result[name].sort(key=lambda item: item["id"])
    result["public_addresses"].sort(key=lambda item: item["address"])
    return result


def find_instance(instance_id: str) -> Any:
    """The instance of any account and region, None when there is none."""
    for _, _, backend in list(ec2_backends.iter_backends()):
        found = backend.get_instance_by_id(instance_id)
        if found is not None:
            return found
    return None


def find_volume_snapshot(snapshot_id: str) -> Any:
    """The EBS snapshot of any account and region, None when there is none."""
    for _, _, backend in list(ec2_backends.iter_backends()):
        if snapshot_id in backend.snapshots:
            return backend.snapshots[snapshot_id]
    return None


def find_image(image_id: str) -> Any:
    """The machine image of any account and region, None when there is none."""
    for _, _, backend in list(ec2_backends.iter_backends()):
        if image_id in backend.amis:
            return backend.amis[image_id]
    return None


def role_of(instance: Any, account: str, region: str) -> Any:
    """The role in the instance's profile, None without one."""
    association = ec2_backends[account][region].iam_instance_profile_associations.get(instance.id)
    roles = association.iam_instance_profile.roles if association else []
    return roles[0] if roles else None


def _is_default(vpc: Any) -> bool:
    return str(vpc.is_default).lower() == "true"


def _instance(instance: Any, account: str, region: str, backend: Any) -> dict[str, Any]:
    association = backend.iam_instance_profile_associations.get(instance.id)
    role = role_of(instance, account, region)
    key = backend.key_pairs.get(instance.key_name) if instance.key_name else None
    primary = instance.nics.get(0)
    return {
        "id": instance.id,
        "account": account,
        "region": region,
        "vpc": (primary.subnet.vpc_id if primary else instance.vpc_id) or "",
        "subnet": (primary.subnet.id if primary else instance.subnet_id) or "",
        "zone": str(instance._placement.zone),
        "state": instance._state.name,
        "stop_mode": instance.sandbox_stop_mode,
        "boot": instance.sandbox_boot,
        "reboots": instance.sandbox_reboots,
        "primary_address": primary.private_ip_address if primary else "",
        "private_addresses": [
            private["PrivateIpAddress"]
            for _, interface in sorted(instance.nics.items())
            for private in interface.private_ip_addresses
        ],
        "mac": primary.mac_address if primary else "",
        "image": instance.image_id or "",
        "type": instance.instance_type,
        "launched": instance.launch_time.replace(tzinfo=timezone.utc).isoformat(),
        "key_name": instance.key_name or "",
        "public_key": key.public_key.strip() if key else "",
        "user_data": str(instance.user_data) if instance.user_data else "",
        "profile_arn": association.iam_instance_profile.arn if association else "",
        "role_name": role.name if role else "",
        "role_arn": role.arn if role else "",
        "security_groups": sorted(group.id for group in instance.security_groups),
        "tags": dict(backend.tags.get(instance.id, {})),
        "volumes": [
            {
                "id": block.volume_id,
                "device": device,
                "size_gb": int(backend.volumes[block.volume_id].size),
                "root": device == instance.root_device_name,
            }
            for device, block in sorted(instance.block_device_mapping.items())
            if block.volume_id in backend.volumes
        ],
        "metadata_tags": instance.metadata_options.instance_metadata_tags == "enabled",
        "source_dest_check": bool(instance.source_dest_check),
        "emr_cluster": instance.sandbox_emr_cluster,
    }


def _public_addresses(backend: Any) -> list[dict[str, Any]]:
    shown = [
        {
            "address": elastic.public_ip,
            "allocation": elastic.allocation_id or "",
            "instance": elastic.instance_id or "",
            "private_address": elastic.private_ip_address or "",
            "vpc": elastic.eni.subnet.vpc_id if elastic.eni else "",
        }
        for elastic in backend.addresses
    ]
    return shown + [
        {
            "address": interface.public_ip,
            "allocation": "",
            "instance": interface.instance.id if interface.instance else "",
            "private_address": interface.private_ip_address,
            "vpc": interface.subnet.vpc_id,
        }
        for interface in backend.enis.values()
        if interface.public_ip and elastic_address_of(interface) is None
    ]


def _rule(rule: Any) -> dict[str, Any]:
    everything = rule.ip_protocol == "-1"
    return {
        "protocol": rule.ip_protocol,
        "from": -1 if everything else rule.from_port,
        "to": -1 if everything else rule.to_port,
        "cidrs": [cidr for cidr in (rule.cidr_ipv4, rule.cidr_ipv6) if cidr],
        "groups": [rule.source_group["GroupId"]] if rule.source_group.get("GroupId") else [],
    }


def _zones() -> list[dict[str, Any]]:
    return [
        {
            "id": zone.resource_id,
            "name": zone.name.rstrip("."),
            "vpcs": sorted(vpc["vpc_id"] for vpc in zone.vpcs if vpc.get("vpc_id")),
            "records": _records(zone),
        }
        for _, _, backend in list(route53_backends.iter_backends())
        for zone in backend.zones.values()
        if zone.private_zone
    ]


def _records(zone: Any) -> list[dict[str, Any]]:
    """The zone's records, with aliases inside the zone replaced by what they
    stand for and failover sets by their primary."""
    by_name = {(_name(r.name), r.type): r for r in zone.rrsets if r.records}
    shown = []
    for record in zone.rrsets:
        if record.failover == "SECONDARY":
            continue
        values, ttl = list(record.records or []), record.ttl
        if record.alias_target:
            target = by_name.get((_name(record.alias_target.get("DNSName", "")), record.type))
            values, ttl = (list(target.records), target.ttl) if target else ([], 60)
        shown.append(
            {
                "name": _name(record.name),
                "type": record.type,
                "ttl": int(ttl or 0),
                "values": [str(v["Value"]) if isinstance(v, dict) else str(v) for v in values],
            }
        )
    return sorted(shown, key=lambda item: (item["name"], item["type"]))


def _name(name: str) -> str:
    return name.rstrip(".").replace("\\052", "*").lower()


def credentials_role(instance: Any) -> tuple[str, str, Any]:
    """Account, region and role of an instance."""
    backend = instance.ec2_backend
    account, region = backend.account_id, backend.region_name
    return account, region, role_of(instance, account, region)

