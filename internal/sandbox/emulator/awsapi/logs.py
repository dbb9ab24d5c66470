"""CloudWatch Logs as AWS has it, where moto differs."""

from __future__ import annotations

from typing import Any

from moto.logs.exceptions import ResourceNotFoundException
from moto.logs.responses import LogsResponse

from awsapi.patching import Emulator, added


def groups_change_their_key(_: Emulator) -> None:
    """AssociateKmsKey and DisassociateKmsKey are missing."""

    def group_of(response: Any) -> Any:
        group = response.logs_backend.groups.get(response._get_param("logGroupName"))
        if group is None:
            raise ResourceNotFoundException
        return group

    @added(LogsResponse)
    def associate_kms_key(self: Any) -> str:
        group_of(self).kms_key_id = self._get_param("kmsKeyId")
        return ""

    @added(LogsResponse)
    def disassociate_kms_key(self: Any) -> str:
        group_of(self).kms_key_id = None
        return ""
