"""What hosts tell the API about themselves."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.models.instances import Instance
from moto.ec2.responses.general import General

from awsapi.patching import Emulator, around

KEPT_BYTES = 64 * 1024


def put_console(instance: Instance, text: bytes) -> None:
    """Keeps the end of the text, as EC2 does, as the instance's console."""
    instance.sandbox_console = (text[-KEPT_BYTES:].decode("utf-8", "replace"), utcnow())


def console_output_is_the_hosts(_: Emulator) -> None:
    """GetConsoleOutput answers with the boot messages of a machine of 2006,
    which vouch for nothing."""

    @around(General, "get_console_output")
    def answer(original: Any, self: General) -> ActionResult:
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        text, changed = getattr(instance, "sandbox_console", ("", utcnow()))
        result: dict[str, Any] = {"InstanceId": instance.id, "Timestamp": changed}
        if text:
            result["Output"] = Base64EncodedString.from_raw_string(text)
        return ActionResult(result)
