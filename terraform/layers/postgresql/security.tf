resource "aws_security_group" "this" {
  name        = local.name
  description = "PostgreSQL of ${var.environment}"
  vpc_id      = var.network.id

  tags = { Name = local.name }
}

resource "aws_vpc_security_group_ingress_rule" "network" {
  security_group_id = aws_security_group.this.id
  description       = "Clients in the network"
  cidr_ipv4         = var.network.cidr
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
}

resource "aws_vpc_security_group_ingress_rule" "outside" {
  for_each = merge({ for cidr in var.allowed_cidrs : cidr => cidr }, local.elastic ? merge(local.nat_clients, local.bastion) : {})

  security_group_id = aws_security_group.this.id
  description       = "Clients outside the network (${each.key})"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
}

resource "aws_vpc_security_group_egress_rule" "client" {
  for_each = var.client_security_groups

  security_group_id            = each.value
  description                  = "To PostgreSQL"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

# The bastion is a client: an operator's psql, and the drill that measures what clients see.
locals {
  bastion = var.network.access == "bastion" ? { bastion = "${var.network.bastion_address}/32" } : {}
}

resource "aws_vpc_security_group_egress_rule" "bastion" {
  count = var.network.access == "bastion" ? 1 : 0

  security_group_id            = var.network.bastion_security_group_id
  description                  = "To PostgreSQL"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.port
  to_port                      = local.port
}

# Behind a public address a group is not recognised.
resource "aws_vpc_security_group_egress_rule" "bastion_elastic" {
  count = local.elastic && var.network.access == "bastion" ? 1 : 0

  security_group_id = var.network.bastion_security_group_id
  description       = "To PostgreSQL by its elastic address"
  cidr_ipv4         = "${aws_eip.endpoint[0].public_ip}/32"
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
}

# Among the nodes: replication, the witness' questions, and SSH for a planned switchover.
locals {
  peer_ports = local.managed ? {} : { postgresql = local.port, ssh = 22 }
}

resource "aws_vpc_security_group_ingress_rule" "peer" {
  for_each = local.peer_ports

  security_group_id            = aws_security_group.this.id
  description                  = "Between the nodes (${each.key})"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_egress_rule" "peer" {
  for_each = local.peer_ports

  security_group_id            = aws_security_group.this.id
  description                  = "Between the nodes (${each.key})"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

# The primary writes through the elastic address to prove where it leads; it comes back by
# that address itself where no NAT stands between.
resource "aws_vpc_security_group_egress_rule" "endpoint" {
  count = length(aws_eip.endpoint)

  security_group_id = aws_security_group.this.id
  description       = "To the endpoint itself"
  cidr_ipv4         = "${aws_eip.endpoint[0].public_ip}/32"
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
}

resource "aws_vpc_security_group_ingress_rule" "endpoint" {
  count = length(aws_eip.endpoint)

  security_group_id = aws_security_group.this.id
  description       = "From the endpoint itself"
  cidr_ipv4         = "${aws_eip.endpoint[0].public_ip}/32"
  ip_protocol       = "tcp"
  from_port         = local.port
  to_port           = local.port
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  count = !local.managed && var.network.access == "bastion" ? 1 : 0

  security_group_id            = aws_security_group.this.id
  description                  = "SSH from the bastion"
  referenced_security_group_id = var.network.bastion_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

resource "aws_vpc_security_group_egress_rule" "web" {
  for_each = local.managed ? {} : { http = 80, https = 443 }

  security_group_id = aws_security_group.this.id
  description       = "Packages and AWS APIs (${each.key})"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}
