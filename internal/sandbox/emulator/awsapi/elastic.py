"""Elastic IPs and the public addresses that come and go with an instance."""

from __future__ import annotations

from typing import Any

import moto.ec2.models.elastic_ip_addresses
import moto.ec2.models.elastic_network_interfaces
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses

from awsapi.patching import Emulator, around


def in_use() -> set[str]:
    """All public addresses that something holds, in all accounts and regions."""
    used: set[str] = set()
    for _, _, backend in list(ec2_backends.iter_backends()):
        used.update(address.public_ip for address in list(backend.addresses))
        used.update(eni.public_ip for eni in list(backend.enis.values()) if eni.public_ip)
    return used


def elastic_address_of(interface: NetworkInterface) -> ElasticAddress | None:
    """The elastic IP that is bound to the interface."""
    return next((a for a in interface.ec2_backend.addresses if a.eni is interface), None)


def public_addresses_come_from_the_sandbox(emulator: Emulator) -> None:
    """Elastic IPs are random addresses of 127.0.0.0/8, automatic ones belong to
    somebody else; here both come from the range that is routed to the hosts."""
    moto.ec2.models.elastic_ip_addresses.random_ip = emulator.public.take
    moto.ec2.models.elastic_network_interfaces.random_public_ip = emulator.public.take


def moving_an_address_takes_it_from_the_old_interface(_: Emulator) -> None:
    """2. After an elastic IP is associated anew, its former interface still
    shows it, and so does an address that the new interface had before; an
    association by interface shows no instance; PrivateIpAddress is ignored."""

    ElasticAddress.instance = property(
        lambda self: self.__dict__["eni"].instance if self.__dict__.get("eni") else None,
        lambda self, value: None,
    )
    ElasticAddress.private_ip_address = property(
        lambda self: (getattr(self, "sandbox_private", None) or self.eni.private_ip_address)
        if self.eni
        else None
    )

    @around(EC2Backend, "associate_address")
    def associate(original: Any, self: EC2Backend, instance: Any = None, **kwargs: Any) -> ElasticAddress:
        by_address, by_id = kwargs.get("address"), kwargs.get("allocation_id")
        found = self.address_by_ip([by_address]) if by_address else self.address_by_allocation([by_id])
        before = found[0].eni
        address = original(self, instance, **kwargs)
        if before is not None and before is not address.eni:
            before.public_ip = None
            before.check_auto_public_ip()
        for other in self.addresses:
            if other is not address and other.eni is address.eni and other.eni is not None:
                other.eni, other.association_id = None, None
        address.sandbox_private = None
        if address.eni is not None:
            address.eni.public_ip = address.public_ip
        return address

    @around(ElasticIPAddresses, "associate_address")
    def respond(original: Any, self: ElasticIPAddresses) -> Any:
        result = original(self)
        private = self._get_param("PrivateIpAddress")
        if private:
            found = self.ec2_backend.address_by_association([result.result["AssociationId"]])
            found[0].sandbox_private = private
        return result

    @around(EC2Backend, "disassociate_address")
    def disassociate(original: Any, self: EC2Backend, *args: Any, **kwargs: Any) -> None:
        before = [(address, address.eni) for address in self.addresses]
        original(self, *args, **kwargs)
        for address, interface in before:
            if interface is not None and address.eni is None:
                address.sandbox_private = None
                if interface.instance and interface.instance._state.name == "running":
                    interface.check_auto_public_ip()


def an_elastic_address_survives_a_stop(_: Emulator) -> None:
    """2. Stopping or starting an instance whose subnet gives public addresses
    replaces its elastic IP by another address."""

    @around(NetworkInterface, "stop")
    def stop(original: Any, self: NetworkInterface) -> None:
        if elastic_address_of(self) is None:
            original(self)

    @around(NetworkInterface, "check_auto_public_ip")
    def check(original: Any, self: NetworkInterface) -> None:
        if elastic_address_of(self) is None and not self.__dict__.get("public_ip"):
            original(self)
