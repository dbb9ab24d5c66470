"""What the emulator is told by its environment, and what moto must be told in turn."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import MutableMapping
from dataclasses import dataclass

# Debian's account on AWS, and images as Debian names and describes them. The
# ids are ours: hosts of the sandbox are made from one image whatever the id.
DEBIAN = "136693071363"
DEBIAN_IMAGES = (
    ("ami-0deb1200000020250", "debian-12-amd64-20250210-2019", "2025-02-10T09:26:33.000Z", "x86_64"),
    ("ami-0deb1200000020251", "debian-12-amd64-20251112-2294", "2025-11-12T08:18:31.000Z", "x86_64"),
    ("ami-0deb1200000020252", "debian-12-arm64-20251112-2294", "2025-11-12T08:18:34.000Z", "arm64"),
)


@dataclass(frozen=True)
class Settings:
    """account: the account of credentials that are not known otherwise.
    hosts: True holds pending, stopping and shutting-down until a reconciler
    confirms that the host got there. public: where public addresses come from.
    enforce_host_roles: True judges what hosts do with the credentials of their
    instance by the policies of their role; enforce_roles: the same for everybody
    who has assumed a role that exists. Other callers may do everything."""

    account: str
    hosts: bool
    public: ipaddress.IPv4Network
    enforce_host_roles: bool
    enforce_roles: bool

    @classmethod
    def read(cls, environment: MutableMapping[str, str]) -> Settings:
        """Reads the settings. MOTO_ACCOUNT_ID is taken away from moto, which
        would otherwise force every caller into that account and so hide
        roles assumed in other accounts."""
        return cls(
            account=environment.pop("MOTO_ACCOUNT_ID", "123456789012"),
            hosts=environment.get("SANDBOX_HOSTS", "0") == "1",
            public=ipaddress.IPv4Network(environment.get("SANDBOX_PUBLIC_CIDR", "198.19.0.0/16")),
            enforce_host_roles=environment.get("SANDBOX_ENFORCE_HOST_ROLES", "0") == "1",
            enforce_roles=environment.get("SANDBOX_ENFORCE_ROLES", "0") == "1",
        )

    def apply(self, environment: MutableMapping[str, str], folder: str) -> None:
        """Configures moto, which reads all of this while it is imported.
        Generated files go to folder."""
        images = os.path.join(folder, "images.json")
        with open(images, "w", encoding="utf-8") as file:
            json.dump(debian_images(), file)
        environment["MOTO_AMIS_PATH"] = images
        environment["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
        environment["MOTO_DISABLE_GLOBAL_CORS"] = "true"

        import moto.core.models

        moto.core.models.DEFAULT_ACCOUNT_ID = self.account
        moto.core.DEFAULT_ACCOUNT_ID = self.account


def debian_images() -> list[dict[str, object]]:
    """The images in the form that moto loads."""
    return [
        {
            "ami_id": ami,
            "name": name,
            "description": name.replace("debian-12", "Debian 12"),
            "owner_id": DEBIAN,
            "image_location": f"amazon/{name}",
            "creation_date": created,
            "architecture": architecture,
            "public": True,
            "state": "available",
            "image_type": "machine",
            "hypervisor": "xen",
            "virtualization_type": "hvm",
            "root_device_name": "/dev/xvda",
            "root_device_type": "ebs",
            "sriov": "simple",
        }
        for ami, name, created, architecture in DEBIAN_IMAGES
    ]
