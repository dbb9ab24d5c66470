"""Network interfaces, their private addresses and their security groups."""

from __future__ import annotations

import ipaddress
from typing import Any

import moto.ec2.models.nat_gateways
import moto.ec2.models.vpcs
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import EC2Backend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.instances import Instance
from moto.ec2.models.subnets import Subnet
from moto.ec2.responses.elastic_network_interfaces import ElasticNetworkInterfaces

from awsapi.patching import Emulator, around


def private_addresses_come_from_the_subnet(_: Emulator) -> None:
    """Interfaces that are made without an address (also those of NAT gateways
    and endpoints) get any random one, even outside their subnet, and nothing
    refuses one that is taken. Here they get one from the subnet's end, away
    from the low ones that are asked for by number."""

    Subnet.get_available_subnet_ip = _take

    @around(Subnet, "request_ip")
    def request(original: Any, self: Subnet, ip: str, instance: Any) -> None:
        if ipaddress.ip_address(ip) not in self.cidr:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"Address {ip} does not fall within the subnet's address range",
            )
        if ip in self._subnet_ips:
            raise _in_use(ip)
        original(self, ip, instance)

    @around(EC2Backend, "delete_vpc_endpoints")
    def delete_endpoints(original: Any, self: EC2Backend, vpce_ids: list[str] | None = None) -> None:
        for endpoint_id in vpce_ids or []:
            endpoint = self.vpc_end_points.get(endpoint_id)
            for interface_id in (endpoint.network_interface_ids or []) if endpoint else []:
                if interface_id in self.enis:
                    self.delete_network_interface(interface_id)
        original(self, vpce_ids)

    def unset(cidr: str | None = None, ipv6: bool = False) -> str:
        return original_random(cidr, ipv6) if cidr or ipv6 else ""

    original_random = moto.ec2.models.vpcs.random_private_ip
    moto.ec2.models.vpcs.random_private_ip = unset
    moto.ec2.models.nat_gateways.random_private_ip = unset

    @around(EC2Backend, "create_network_interface")
    def create(
        original: Any,
        self: EC2Backend,
        subnet: Any,
        private_ip_address: Any = None,
        private_ip_addresses: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> NetworkInterface:
        if isinstance(subnet, str):
            subnet = self.get_subnet(subnet)
        if kwargs.get("device_index") != 0:  # RunInstances has reserved that of interface 0
            named = [_address(item) for item in private_ip_addresses or []]
            if private_ip_address:
                named.insert(0, private_ip_address)
            for address in dict.fromkeys(named):
                subnet.request_ip(address, None)
            if not named:
                private_ip_address = subnet.get_available_subnet_ip(None)
        secondary = int(kwargs.pop("secondary_ips_count", 0) or 0)
        interface = original(
            self, subnet, private_ip_address, private_ip_addresses, *args, **kwargs
        )
        for _ in range(secondary):
            _add_secondary(interface, subnet.get_available_subnet_ip(None))
        return interface

    @around(ElasticNetworkInterfaces, "assign_private_ip_addresses")
    def assign(original: Any, self: ElasticNetworkInterfaces) -> Any:
        interface = self.ec2_backend.get_network_interface(self._get_param("NetworkInterfaceId"))
        for address in self._get_param("PrivateIpAddresses", []):
            holder = next(
                (
                    other
                    for other in self.ec2_backend.enis.values()
                    if other is not interface
                    and other.subnet.vpc_id == interface.subnet.vpc_id
                    and address in [a["PrivateIpAddress"] for a in other.private_ip_addresses]
                ),
                None,
            )
            if holder is None:
                if address not in [a["PrivateIpAddress"] for a in interface.private_ip_addresses]:
                    interface.subnet.request_ip(address, None)
            elif self._get_param("AllowReassignment", False) and address != holder.private_ip_address:
                holder.private_ip_addresses = [
                    a for a in holder.private_ip_addresses if a["PrivateIpAddress"] != address
                ]
            else:
                raise _in_use(address)
        return original(self)

    @around(EC2Backend, "unassign_private_ip_addresses")
    def unassign(original: Any, self: EC2Backend, eni_id: str, private_ip_address: Any = None) -> Any:
        interface = original(self, eni_id, private_ip_address)
        for address in private_ip_address or []:
            interface.subnet.del_subnet_ip(address)
        return interface


def _take(subnet: Subnet, instance: Any) -> str:
    """An address of the subnet that nothing has: the one below the last that
    was given, so that a freed address rests."""
    first, last = 4, subnet.cidr.num_addresses - 2
    number = getattr(subnet, "sandbox_next", last)
    for _ in range(first, last + 1):
        address = str(subnet.cidr[number])
        number = number - 1 if number > first else last
        if address not in subnet._subnet_ips:
            subnet.sandbox_next = number
            subnet._subnet_ips[address] = instance
            return address
    raise EC2ClientError(
        "InsufficientFreeAddressesInSubnet",
        f"The subnet '{subnet.id}' does not have enough free addresses to satisfy the request.",
    )


def _address(item: Any) -> str:
    return item if isinstance(item, str) else item["PrivateIpAddress"]


def _in_use(address: str) -> EC2ClientError:
    return EC2ClientError("InvalidIPAddress.InUse", f"Address {address} is in use.")


def _add_secondary(interface: NetworkInterface, address: str) -> None:
    interface.private_ip_addresses.append({"Primary": False, "PrivateIpAddress": address})


def interfaces_of_an_instance_die_with_it(_: Emulator) -> None:
    """1. Interfaces that RunInstances made stay behind when the instance is
    terminated, with their address taken and elastic IPs bound; interfaces that
    existed before stay attached to it."""

    @around(Instance, "prep_nics")
    def prepare(original: Any, self: Instance, nic_spec: Any, *args: Any, **kwargs: Any) -> None:
        for specification in nic_spec:
            existing = specification.get("NetworkInterfaceId") is not None
            specification.setdefault("DeleteOnTermination", not existing)
        implicit = not nic_spec
        original(self, nic_spec, *args, **kwargs)
        for interface in self.nics.values():
            if implicit:
                interface.delete_on_termination = True
        if 0 in self.nics:
            self._placement.zone = self.nics[0].subnet.availability_zone

    @around(EC2Backend, "delete_network_interface")
    def delete(original: Any, self: EC2Backend, eni_id: str) -> None:
        interface = self.get_network_interface(eni_id)
        for address in list(self.addresses):
            if address.eni is interface:
                self.disassociate_address(address=address.public_ip)
        original(self, eni_id)
        for private in interface.private_ip_addresses:
            interface.subnet.del_subnet_ip(private["PrivateIpAddress"])

    @around(Instance, "terminate")
    def terminate(original: Any, self: Instance) -> Any:
        if self._state.name == "terminated":
            return original(self) if self.nics else self._state
        previous = original(self)
        for interface in list(self.nics.values()):
            if interface.id in self.ec2_backend.enis:
                self.detach_eni(interface)
        self.nics.clear()
        return previous

    def first(self: Instance, attribute: str) -> Any:
        return getattr(self.nics[0], attribute) if 0 in self.nics else None

    Instance.private_ip = property(lambda self: first(self, "private_ip_address"))
    Instance.private_ip_address = Instance.private_ip
    Instance.public_ip = property(lambda self: first(self, "public_ip"))
    Instance.public_ip_address = Instance.public_ip
    named = Instance.private_dns_name.fget
    Instance.private_dns_name = property(lambda self: named(self) if 0 in self.nics else "")


def groups_follow_the_first_interface(_: Emulator) -> None:
    """1. Changing an instance's security groups adds to those of its
    interface, and changing the interface's does not show on the instance; the
    same holds for the source and destination check."""

    def groups(self: Instance) -> list[Any]:
        if 0 in self.__dict__.get("nics", {}):
            return self.nics[0]._group_set
        return self.__dict__.get("sandbox_groups", [])

    def set_groups(self: Instance, value: list[Any]) -> None:
        unique = list({group.id: group for group in value if group}.values())
        self.__dict__["sandbox_groups"] = unique
        if 0 in self.__dict__.get("nics", {}):
            self.nics[0]._group_set = unique

    Instance.security_groups = property(groups, set_groups)

    def check(self: Instance) -> bool:
        if 0 in self.__dict__.get("nics", {}):
            return self.nics[0].source_dest_check
        return True

    def set_check(self: Instance, value: bool) -> None:
        if 0 in self.__dict__.get("nics", {}):
            self.nics[0].source_dest_check = value

    Instance.source_dest_check = property(check, set_check)
    NetworkInterface.group_set = property(
        lambda self: list({group.id: group for group in self._group_set}.values())
    )
