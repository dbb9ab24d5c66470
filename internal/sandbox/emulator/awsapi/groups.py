"""Rules of security groups."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.security_groups import SecurityGroupRule

from awsapi.patching import Emulator, around


def rules_keep_their_description(_: Emulator) -> None:
    """The description of a rule that names a security group or a prefix list
    is not shown, and makes it another rule than the same without one."""

    @around(SecurityGroupRule, "__init__")
    def create(
        original: Any,
        self: SecurityGroupRule,
        ec2_backend: Any,
        ip_protocol: str,
        group_id: str,
        from_port: Any,
        to_port: Any,
        ip_range: Any,
        source_group: Any = None,
        prefix_list_id: Any = None,
        **kwargs: Any,
    ) -> None:
        original(
            self, ec2_backend, ip_protocol, group_id, from_port, to_port, ip_range,
            dict(source_group or {}), prefix_list_id, **kwargs,
        )  # fmt: skip
        self.sandbox_prefix_description = (prefix_list_id or {}).get("Description")

    def description(self: SecurityGroupRule) -> str | None:
        return (
            self.ip_range.get("Description")
            or self.source_group.get("Description")
            or getattr(self, "sandbox_prefix_description", None)
        )

    def same(self: SecurityGroupRule, other: object) -> bool:
        return isinstance(other, SecurityGroupRule) and _identity(self) == _identity(other)

    SecurityGroupRule.description = property(description)
    SecurityGroupRule.__eq__ = same
    SecurityGroupRule.__hash__ = lambda self: hash(self.id)


def _identity(rule: SecurityGroupRule) -> tuple[Any, ...]:
    return (
        rule.ip_protocol,
        rule.from_port,
        rule.to_port,
        rule.ip_range.get("CidrIp"),
        rule.ip_range.get("CidrIpv6"),
        rule.source_group.get("GroupId"),
        rule.prefix_list_id,
    )


def rules_of_every_kind_can_change(_: Emulator) -> None:
    """ModifySecurityGroupRules ignores changes of rules that name a group or a
    prefix list, and refuses rules for all protocols."""

    @around(EC2Backend, "modify_security_group_rules")
    def modify(original: Any, self: EC2Backend, group_id: str, rules: dict[str, dict[str, Any]]) -> None:
        group = self.get_security_group_by_name_or_id(group_id)
        for rule_id, wanted in rules.items():
            rule = group.get_rule(rule_id) if group else None
            kind = next((k for k in ("ReferencedGroupId", "PrefixListId") if wanted.get(k)), None)
            everything = str(wanted.get("IpProtocol")) == "-1"
            if rule is None or (kind is None and not everything):
                original(self, group_id, {rule_id: wanted})
                continue
            rule.ip_protocol = wanted["IpProtocol"]
            rule.from_port = None if everything else int(wanted["FromPort"])
            rule.to_port = None if everything else int(wanted["ToPort"])
            text = wanted.get("Description") or ""
            if kind == "ReferencedGroupId":
                rule.source_group = {**rule.source_group, "GroupId": wanted[kind], "Description": text}
            elif kind == "PrefixListId":
                rule.prefix_list_id, rule.sandbox_prefix_description = wanted[kind], text
            else:
                for source, target in (("CidrIpv4", "CidrIp"), ("CidrIpv6", "CidrIpv6")):
                    if wanted.get(source):
                        rule.ip_range[target] = wanted[source]
                rule.ip_range["Description"] = text
