"""Machine images: those of Debian, and those made of an instance."""

from __future__ import annotations

from typing import Any

import moto.ec2.models.amis
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.amis import Ami

from awsapi.patching import Emulator, added, around

PENDING, AVAILABLE = "pending", "available"


def images_load_in_every_region(_: Emulator) -> None:
    """Loading the images changes the list they are loaded from, so that only
    the first region gets them; every image says that it is Amazon's."""

    @around(EC2Backend, "_load_amis")
    def load(original: Any, self: EC2Backend) -> None:
        listed = moto.ec2.models.amis.AMIS
        moto.ec2.models.amis.AMIS = [dict(image) for image in listed]
        try:
            original(self)
        finally:
            moto.ec2.models.amis.AMIS = listed
        for image in self.amis.values():
            image.owner_alias = None


def images_of_instances_take_their_time(emulator: Emulator) -> None:
    """18. An image of an instance is available at once, may have a name that is
    taken, cannot tag its snapshot, boots from another device than the instance,
    and hosts can be made of it before there is anything to make them of."""

    @around(EC2Backend, "create_image")
    def create(original: Any, self: EC2Backend, instance_id: str, name: str, *args: Any, **kwargs: Any) -> Ami:
        if any(image.name == name and image.owner_id == self.account_id for image in self.amis.values()):
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use by another AMI")
        wanted = kwargs.pop("tag_specifications", None) or []
        of_snapshot = [spec for spec in wanted if spec["ResourceType"] == "snapshot"]
        kwargs["tag_specifications"] = [spec for spec in wanted if spec not in of_snapshot]
        image = original(self, instance_id, name, *args, **kwargs)
        for tag in (tag for spec in of_snapshot for tag in spec["Tags"]):
            image.ebs_snapshot.add_tag(tag["Key"], tag["Value"])
        image.root_device_name, image.root_device_type = image.instance.root_device_name, "ebs"
        image.image_location = f"{self.account_id}/{name}"
        if emulator.settings.hosts:
            image.state = PENDING
        return image

    @added(Ami)
    def sandbox_stored(self: Ami) -> None:
        """What the instance's host held is kept."""
        if self.state == PENDING:
            self.state = AVAILABLE

    @around(EC2Backend, "run_instances")
    def run(original: Any, self: EC2Backend, image_id: str, *args: Any, **kwargs: Any) -> Any:
        image = self.amis.get(image_id)
        if image is not None and image.state == PENDING:
            raise EC2ClientError("InvalidAMIID.Unavailable", f"The image ID '{image_id}' is not available")
        return original(self, image_id, *args, **kwargs)
