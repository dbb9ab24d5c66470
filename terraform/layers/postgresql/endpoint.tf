# Two ways to the primary follow it at a failover: a name in the private zone, for clients
# in the network, and with address = elastic a public address. Hosts move them; Terraform
# only says where they point at first, and must never move them back.

resource "aws_route53_record" "endpoint" {
  #checkov:skip=CKV2_AWS_23:a private address of a host that the module host makes; review by 2027-11
  count = local.managed ? 0 : 1

  zone_id = var.dns_zone.id
  name    = "postgresql.${var.dns_zone.name}"
  type    = "A"
  ttl     = 5
  records = [module.node["1"].private_address]

  lifecycle {
    ignore_changes = [records]
  }

  # Creating it a second time, when an answer got lost, is no error.
  allow_overwrite = true
}

locals {
  elastic = !local.managed && var.address == "elastic"
}

# Not an aws_eip_association: a move gives the association another id, which the next plan
# would take for a lost one and make again, on the primary that failed.
resource "aws_eip" "endpoint" {
  #audit:skip=host-public-address:address elastic asks for it; the group lets in the network and what allowed_cidrs names; review by 2027-11
  count = local.elastic ? 1 : 0

  domain   = "vpc"
  instance = module.node["1"].id

  tags = { Name = "${local.name}-endpoint", cluster = local.cluster }

  lifecycle {
    ignore_changes = [instance, network_interface, associate_with_private_ip]
  }
}

locals {
  # Who comes in by the elastic address is answered through the internet gateway;
  # everything else leaves a database subnet through NAT. Hosts of the network that use
  # the public address come from NAT's own, and the bastion from its.
  public_clients = { for cidr in var.allowed_cidrs : cidr => cidr
    if !can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.)", cidr))
  }
  nat_clients    = { for zone, address in var.network.nat_addresses : "nat-${zone}" => "${address}/32" }
  elastic_routes = local.elastic ? merge(local.public_clients, local.nat_clients, local.bastion) : {}

  routes = { for pair in setproduct(range(length(var.network.database_subnets)), keys(local.elastic_routes)) :
    "${pair[0]}-${pair[1]}" => { subnet = pair[0], client = pair[1] }
  }
}

resource "aws_route" "client" {
  for_each = local.routes

  route_table_id         = var.network.database_subnets[each.value.subnet].route_table_id
  destination_cidr_block = local.elastic_routes[each.value.client]
  gateway_id             = var.network.internet_gateway_id
}
