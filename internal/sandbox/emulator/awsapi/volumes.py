"""EBS volumes."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_block_store import Volume
from moto.ec2.models.instances import Instance
from moto.ec2.responses.instances import InstanceResponse

from awsapi.patching import Emulator, around

DEFAULT_ROOT_GB = 8
GP3_THROUGHPUT = 125


def a_volume_in_use_stays_where_it_is(_: Emulator) -> None:
    """4. A volume that is attached can be attached again, elsewhere, in
    another zone, to a terminated instance or to a device that is taken."""

    @around(EC2Backend, "attach_volume")
    def attach(
        original: Any,
        self: EC2Backend,
        volume_id: str,
        instance_id: str,
        device_path: str,
        delete_on_termination: bool = False,
    ) -> Any:
        volume, instance = self.get_volume(volume_id), self.get_instance(instance_id)
        if volume.attachment:
            raise EC2ClientError(
                "VolumeInUse", f"{volume_id} is already attached to an instance"
            )
        if instance._state.name in ("shutting-down", "terminated"):
            raise EC2ClientError("IncorrectState", f"Instance '{instance_id}' is not 'running'.")
        if volume.availability_zone and volume.availability_zone != str(instance._placement.zone):
            raise EC2ClientError(
                "InvalidVolume.ZoneMismatch",
                f"The volume '{volume_id}' is not in the same availability zone as instance '{instance_id}'",
            )
        if device_path in instance.block_device_mapping:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"Invalid value '{device_path}' for unixDevice. Attachment point {device_path} is already in use",
            )
        return original(self, volume_id, instance_id, device_path, delete_on_termination)


def root_volumes_are_those_of_the_image(_: Emulator) -> None:
    """An instance without device mappings boots from /dev/sda1 whatever its
    image says, one with mappings for data volumes only has no root volume at
    all; throughput and IOPS asked for are dropped; gp3 has no throughput."""

    def setup(self: Instance) -> None:
        volume = self.ec2_backend.create_volume(
            size=DEFAULT_ROOT_GB, zone_name=self._placement.zone, volume_type="gp3"
        )
        self.ec2_backend.attach_volume(volume.id, self.id, self.root_device_name, True)

    Instance.setup_defaults = setup

    @around(Volume, "__init__")
    def create(original: Any, self: Volume, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if self.volume_type == "gp3" and not self.throughput:
            self.throughput = GP3_THROUGHPUT

    @around(EC2Backend, "run_instances")
    def run(original: Any, self: EC2Backend, *args: Any, **kwargs: Any) -> Any:
        reservation = original(self, *args, **kwargs)
        for instance in reservation.instances:
            if instance.root_device_name not in instance.block_device_mapping:
                instance.setup_defaults()
                root = instance.block_device_mapping[instance.root_device_name]
                for other in instance.block_device_mapping.values():
                    self.tags[root.volume_id].update(self.tags.get(other.volume_id, {}))
        return reservation

    @around(InstanceResponse, "run_instances")
    def respond(original: Any, self: InstanceResponse) -> Any:
        result = original(self)
        wanted = {m.get("DeviceName"): m.get("Ebs", {}) for m in self._get_param("BlockDeviceMappings", [])}
        for instance in result.result.instances:
            for device, block in instance.block_device_mapping.items():
                volume = self.ec2_backend.get_volume(block.volume_id)
                volume.iops = wanted.get(device, {}).get("Iops") or volume.iops
                volume.throughput = wanted.get(device, {}).get("Throughput") or volume.throughput
        return result
