output "id" {
  description = "Id of the network."
  value       = aws_vpc.this.id
}

output "arn" {
  description = "ARN of the network, for policies."
  value       = aws_vpc.this.arn
}

output "cidr" {
  description = "The network's range."
  value       = aws_vpc.this.cidr_block
}

output "private_subnets" {
  description = "Private subnets in the order of the zones: id, zone (full name) and cidr."
  value = [for letter in var.zones : {
    id   = aws_subnet.private[letter].id
    zone = aws_subnet.private[letter].availability_zone
    cidr = aws_subnet.private[letter].cidr_block
  }]
}

output "database_subnets" {
  description = "Database subnets in the order of the zones: id, zone (full name), cidr and route table."
  value = [for letter in var.zones : {
    id             = aws_subnet.database[letter].id
    zone           = aws_subnet.database[letter].availability_zone
    cidr           = aws_subnet.database[letter].cidr_block
    route_table_id = aws_route_table.database[letter].id
  }]
}

output "internet_gateway_id" {
  description = "The internet gateway, for the answers of hosts with an elastic address."
  value       = aws_internet_gateway.this.id
}

output "nat_addresses" {
  description = "Public addresses, by zone letter, from which private hosts are seen outside."
  value       = { for letter, address in aws_eip.nat : letter => address.public_ip }
}

output "bastion_security_group_id" {
  description = "Group of the bastion, for rules by reference; null with access by SSM."
  value       = one(aws_security_group.bastion[*].id)
}

output "bastion_address" {
  description = "Public address of the bastion; null with access by SSM."
  value       = one(aws_eip.bastion[*].public_ip)
}

output "zone_id" {
  description = "The private DNS zone."
  value       = aws_route53_zone.this.zone_id
}

output "zone_name" {
  description = "Name of the private DNS zone."
  value       = aws_route53_zone.this.name
}

output "hosts" {
  description = "The bastion, as the layer's output of the product lists it."
  value       = [for bastion in module.bastion : merge(bastion.host, { public_address = aws_eip.bastion[0].public_ip })]

  # Not before the address really leads there.
  depends_on = [aws_eip_association.bastion]
}
