"""NAT gateways, flow logs and DHCP options."""

from __future__ import annotations

from typing import Any

from moto.ec2.models import EC2Backend
from moto.ec2.models.nat_gateways import NatGateway
from moto.ec2.responses.dhcp_options import DHCPOptions
from moto.ec2.utils import add_tag_specification

from awsapi.patching import Emulator, around


def nat_gateways_give_back_their_address(_: Emulator) -> None:
    """3. Deleting a NAT gateway leaves its elastic IP bound and its interface
    alive; deleting an unknown one is an internal error."""

    @around(EC2Backend, "create_nat_gateway")
    def create(original: Any, self: EC2Backend, *args: Any, **kwargs: Any) -> NatGateway:
        gateway = original(self, *args, **kwargs)
        gateway.private_ip = gateway._eni.private_ip_address
        return gateway

    @around(EC2Backend, "delete_nat_gateway")
    def delete(original: Any, self: EC2Backend, nat_gateway_id: str) -> NatGateway:
        if nat_gateway_id not in self.nat_gateways:
            self.raise_error("NatGatewayNotFound", f"NAT gateway {nat_gateway_id} was not found")
        gateway = original(self, nat_gateway_id)
        if gateway._eni.id in self.enis:
            self.delete_network_interface(gateway._eni.id)
        return gateway


def flow_logs_may_have_a_prefix(_: Emulator) -> None:
    """5. A flow log whose destination is a folder of a bucket is refused: the
    whole path is taken as the bucket's name."""

    @around(EC2Backend, "create_flow_logs")
    def create(original: Any, self: EC2Backend, **kwargs: Any) -> Any:
        wanted = kwargs["log_destination"]
        if wanted and kwargs["log_destination_type"] == "s3":
            kwargs["log_destination"] = wanted.split("/", 1)[0]
        made, unsuccessful = original(self, **kwargs)
        for flow_log in made:
            flow_log.log_destination = wanted
        return made, unsuccessful


def dhcp_options_keep_their_tags(_: Emulator) -> None:
    """6. Tags given to CreateDhcpOptions are lost."""

    @around(DHCPOptions, "create_dhcp_options")
    def create(original: Any, self: DHCPOptions) -> Any:
        result = original(self)
        tags = add_tag_specification(self._get_param("TagSpecifications", []))
        result.result["DhcpOptions"].add_tags(tags)
        return result
