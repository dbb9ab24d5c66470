"""Machine images."""

from __future__ import annotations

from typing import Any

import moto.ec2.models.amis
from moto.ec2.models import EC2Backend

from awsapi.patching import Emulator, around


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
