# The network: three zones, each with a public, a private and a database subnet.
#
# The range is cut in four quarters: one a zone for private hosts, and the last cut in
# eight, of which three are public and three for databases. A database subnet goes out
# through NAT as a private one does; it has route tables of its own because a primary
# with an elastic address must answer its clients through the internet gateway.
locals {
  name       = "infra-${var.environment}"
  partition  = split(":", var.baseline.permission_boundary_arn)[1]
  account_id = split(":", var.baseline.permission_boundary_arn)[4]
  zone_name  = coalesce(var.zone_name, "${var.environment}.internal")

  zones     = { for index, letter in var.zones : letter => { index = index, name = "${var.region}${letter}" } }
  last      = cidrsubnet(var.cidr, 2, 3)
  nat_zones = { none = [], single = [var.zones[0]], per_zone = var.zones }[var.nat]
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true

  tags = { Name = local.name }
}

# Nobody belongs to the default group and nothing passes it.
resource "aws_default_security_group" "this" {
  vpc_id  = aws_vpc.this.id
  ingress = []
  egress  = []

  tags = { Name = "${local.name}-unused" }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = local.name }
}

resource "aws_subnet" "private" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.value.name
  cidr_block        = cidrsubnet(var.cidr, 2, each.value.index)

  # EMR's own role may work only in subnets that say so.
  tags = {
    Name                                       = "${local.name}-private-${each.key}"
    "for-use-with-amazon-emr-managed-policies" = "true"
  }
}

resource "aws_subnet" "public" {
  for_each = local.zones

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.value.name
  cidr_block              = cidrsubnet(local.last, 3, each.value.index)
  map_public_ip_on_launch = false

  tags = { Name = "${local.name}-public-${each.key}" }
}

resource "aws_subnet" "database" {
  for_each = local.zones

  vpc_id            = aws_vpc.this.id
  availability_zone = each.value.name
  cidr_block        = cidrsubnet(local.last, 3, 3 + each.value.index)

  tags = { Name = "${local.name}-database-${each.key}" }
}
