"""Route 53."""

from __future__ import annotations

from typing import Any

from moto.route53.responses import Route53

from awsapi.patching import Emulator, around


def a_zone_with_a_vpc_is_private(_: Emulator) -> None:
    """9. A zone that is created with a VPC, but without saying that it is
    private, becomes a public one without VPC."""

    @around(Route53, "create_hosted_zone")
    def create(original: Any, self: Route53) -> Any:
        if self._get_param("VPC.VPCId"):
            ask = self._get_bool_param

            def private(name: str, default: Any = None) -> Any:
                return True if name == "HostedZoneConfig.PrivateZone" else ask(name, default)

            self._get_bool_param = private
        return original(self)
