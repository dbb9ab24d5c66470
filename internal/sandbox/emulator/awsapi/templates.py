"""Launch templates."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend

from awsapi.patching import Emulator, around


def a_templates_tags_are_its_own(_: Emulator) -> None:
    """11. The tags of a launch template appear in its data too, as if they
    were meant for what is launched with it."""

    @around(EC2Backend, "create_launch_template")
    def create(
        original: Any, self: EC2Backend, name: str, description: str, data: dict[str, Any], tags: Any
    ) -> Any:
        kept = [
            specification
            for specification in data.get("TagSpecifications", [])
            if specification.get("ResourceType") != "launch-template"
        ]
        data = {key: value for key, value in data.items() if key != "TagSpecifications"}
        if kept:
            data["TagSpecifications"] = kept
        return original(self, name, description, data, tags)
