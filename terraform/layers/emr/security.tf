# The three groups that EMR wants in a private subnet. Its own rules among them are written
# out here, so that they are known beforehand; EMR finds them and adds nothing.
locals {
  groups = {
    primary = "Primary node of EMR's clusters"
    core    = "Core and task nodes of EMR's clusters"
    service = "EMR's own access to the clusters"
  }

  # from one group to another
  flows = {
    primary-primary = { from = "primary", to = "primary", protocol = "-1", port = null, purpose = "Among primary nodes" }
    primary-core    = { from = "primary", to = "core", protocol = "-1", port = null, purpose = "Primary to core nodes" }
    core-primary    = { from = "core", to = "primary", protocol = "-1", port = null, purpose = "Core nodes to the primary" }
    core-core       = { from = "core", to = "core", protocol = "-1", port = null, purpose = "Among core nodes" }
    service-primary = { from = "service", to = "primary", protocol = "tcp", port = 8443, purpose = "EMR to the primary" }
    service-core    = { from = "service", to = "core", protocol = "tcp", port = 8443, purpose = "EMR to core nodes" }
    primary-service = { from = "primary", to = "service", protocol = "tcp", port = 9443, purpose = "The primary to EMR" }
  }

  node_groups = { primary = aws_security_group.this["primary"].id, core = aws_security_group.this["core"].id }
}

resource "aws_security_group" "this" {
  for_each = local.groups

  name                   = "${local.name}-${each.key}"
  description            = each.value
  vpc_id                 = var.network.id
  revoke_rules_on_delete = var.revoke_rules_on_delete

  tags = merge(local.managed_tag, { Name = "${local.name}-${each.key}" })
}

resource "aws_vpc_security_group_ingress_rule" "group" {
  for_each = local.flows

  security_group_id            = aws_security_group.this[each.value.to].id
  description                  = each.value.purpose
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "group" {
  for_each = local.flows

  security_group_id            = aws_security_group.this[each.value.from].id
  description                  = each.value.purpose
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "ssh" {
  #checkov:skip=CKV_AWS_24:the only source is the bastion's group, by reference; review by 2027-11
  for_each = var.network.access == "bastion" ? local.node_groups : {}

  security_group_id            = each.value
  description                  = "SSH from the bastion"
  referenced_security_group_id = var.network.bastion_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = 22
  to_port                      = 22
}

resource "aws_vpc_security_group_egress_rule" "web" {
  for_each = { for pair in setproduct(keys(local.node_groups), [80, 443]) : "${pair[0]}-${pair[1]}" => { group = pair[0], port = pair[1] } }

  security_group_id = local.node_groups[each.value.group]
  description       = "Packages and AWS APIs (${each.value.port})"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}
