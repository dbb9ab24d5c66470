"""Attributes of instances."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.ec2.models import EC2Backend
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses.instances import InstanceResponse
from moto.ec2.responses.monitoring import Monitoring

from awsapi.patching import Emulator, around


def monitoring_can_be_switched(_: Emulator) -> None:
    """7. MonitorInstances and UnmonitorInstances are missing."""

    def switch(self: Monitoring, target: str, shown: str) -> ActionResult:
        self.error_on_dryrun()
        found = self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds", []))
        for instance in found:
            instance.monitoring_state = target
        return ActionResult(
            {
                "InstanceMonitorings": [
                    {"InstanceId": instance.id, "Monitoring": {"State": shown}} for instance in found
                ]
            }
        )

    Monitoring.monitor_instances = lambda self: switch(self, "enabled", "pending")
    Monitoring.unmonitor_instances = lambda self: switch(self, "disabled", "disabling")


def attributes_change_one_at_a_time(_: Emulator) -> None:
    """ModifyInstanceAttribute with an attribute that moto does not know takes
    away all security groups instead."""

    @around(InstanceResponse, "modify_instance_attribute")
    def modify(original: Any, self: InstanceResponse) -> Any:
        behaviour = self._get_param("InstanceInitiatedShutdownBehavior.Value")
        if behaviour is None:
            return original(self)
        self.error_on_dryrun()
        self.ec2_backend.modify_instance_attribute(
            self._get_param("InstanceId"), "instance_initiated_shutdown_behavior", behaviour
        )
        return EmptyResult()

    @around(InstanceResponse, "_security_grp_instance_attribute_handler")
    def groups(original: Any, self: InstanceResponse) -> bool:
        return original(self) if self._get_param("Groups", []) else False


def instances_without_a_subnet_stand_in_the_default_one(_: Emulator) -> None:
    """An instance that is launched without a subnet gets an interface in the
    default subnet of its zone, but an address of any range."""

    @around(EC2Backend, "run_instances")
    def run(original: Any, self: EC2Backend, *args: Any, **kwargs: Any) -> Any:
        if not (kwargs.get("subnet_id") or kwargs.get("nics") or kwargs.get("launch_template")):
            zone = kwargs.get("placement") or f"{self.region_name}a"
            subnet = next((s for s in self.describe_subnets() if s.availability_zone == zone and _is_default(s)), None)
            if subnet is not None:
                kwargs["subnet_id"] = subnet.id
                if kwargs.get("associate_public_ip") is None:
                    kwargs["associate_public_ip"] = True  # as every default subnet does
        return original(self, *args, **kwargs)


def _is_default(subnet: Subnet) -> bool:
    return str(subnet.default_for_az).lower() == "true"
