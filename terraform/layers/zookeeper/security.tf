locals {
  client_port = 2181
  # 2888: followers to the leader; 3888: elections.
  peer_ports = { follower = 2888, election = 3888 }
}

resource "aws_security_group" "this" {
  #checkov:skip=CKV2_AWS_5:attached to the servers in the module host; review by 2027-11
  name        = local.name
  description = "ZooKeeper servers"
  vpc_id      = var.network.id

  tags = { Name = local.name }
}

# Whatever shall use the ensemble joins this group.
resource "aws_security_group" "client" {
  #checkov:skip=CKV2_AWS_5:joined by clients that are made elsewhere; review by 2027-11
  name        = "${local.name}-client"
  description = "Clients of the ZooKeeper servers"
  vpc_id      = var.network.id

  tags = { Name = "${local.name}-client" }
}

# The bastion is a client: an operator's zkCli, and the drill that measures what clients see.
locals {
  bastion = var.network.access == "bastion" ? { bastion = var.network.bastion_security_group_id } : {}
  clients = merge({ client = aws_security_group.client.id, server = aws_security_group.this.id }, local.bastion, var.client_security_groups)
}

resource "aws_vpc_security_group_ingress_rule" "client" {
  for_each = local.clients

  security_group_id            = aws_security_group.this.id
  description                  = "ZooKeeper clients (${each.key})"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = local.client_port
  to_port                      = local.client_port
}

resource "aws_vpc_security_group_egress_rule" "client" {
  for_each = local.clients

  security_group_id            = each.value
  description                  = "To the ZooKeeper servers"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = local.client_port
  to_port                      = local.client_port
}

resource "aws_vpc_security_group_ingress_rule" "peer" {
  for_each = local.peer_ports

  security_group_id            = aws_security_group.this.id
  description                  = "Between the servers (${each.key})"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_egress_rule" "peer" {
  for_each = local.peer_ports

  security_group_id            = aws_security_group.this.id
  description                  = "Between the servers (${each.key})"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = each.value
  to_port                      = each.value
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  count = var.network.access == "bastion" ? 1 : 0

  security_group_id            = aws_security_group.this.id
  description                  = "SSH from the bastion"
  referenced_security_group_id = var.network.bastion_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

resource "aws_vpc_security_group_egress_rule" "web" {
  for_each = { http = 80, https = 443 }

  security_group_id = aws_security_group.this.id
  description       = "Packages and AWS APIs (${each.key})"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}
