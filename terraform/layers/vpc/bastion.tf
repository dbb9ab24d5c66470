# The only host with a public address, and the only source of SSH to the others.
locals {
  bastion = var.access == "bastion" ? 1 : 0
}

module "bastion" {
  source = "../host"
  count  = local.bastion

  environment        = var.environment
  region             = var.region
  layer              = "vpc"
  name               = "bastion"
  role               = "bastion"
  number             = 1
  instance_type      = var.bastion_instance_type
  image_id           = var.image_id
  key_name           = var.key_name
  user               = var.user
  subnet             = { id = aws_subnet.public[var.zones[0]].id, zone = aws_subnet.public[var.zones[0]].availability_zone }
  dns_zone           = { id = aws_route53_zone.this.zone_id, name = local.zone_name }
  security_group_ids = [aws_security_group.bastion[0].id]
  instance_profile   = aws_iam_instance_profile.bastion[0].name
  kms_key_arn        = var.baseline.kms_key_arns["data"]
  alert_topic_arn    = var.baseline.alert_topic_arn
}

resource "aws_eip" "bastion" {
  #audit:skip=host-public-address:the one way in, for bastion_allowed_cidrs alone; review by 2027-11
  count = local.bastion

  domain = "vpc"

  tags = { Name = "${local.name}-bastion" }

  depends_on = [aws_internet_gateway.this]
}

resource "aws_eip_association" "bastion" {
  count = local.bastion

  allocation_id = aws_eip.bastion[0].id
  instance_id   = module.bastion[0].id
}

resource "aws_security_group" "bastion" {
  count = local.bastion

  name        = "${local.name}-bastion"
  description = "The bastion: SSH in from the operators, SSH on to the hosts"
  vpc_id      = aws_vpc.this.id

  tags = { Name = "${local.name}-bastion" }
}

resource "aws_vpc_security_group_ingress_rule" "bastion_ssh" {
  for_each = local.bastion == 1 ? toset(var.bastion_allowed_cidrs) : []

  security_group_id = aws_security_group.bastion[0].id
  description       = "SSH from the operators"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_egress_rule" "bastion_ssh" {
  count = local.bastion

  security_group_id = aws_security_group.bastion[0].id
  description       = "SSH to the hosts of the network"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 22
  to_port           = 22
}

resource "aws_vpc_security_group_egress_rule" "bastion_web" {
  for_each = local.bastion == 1 ? { http = 80, https = 443 } : {}

  security_group_id = aws_security_group.bastion[0].id
  description       = "Packages and AWS APIs (${each.key})"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
}

resource "aws_iam_role" "bastion" {
  count = local.bastion

  name                 = "${local.name}-bastion"
  description          = "The bastion: metrics and logs, nothing else"
  permissions_boundary = var.baseline.permission_boundary_arn
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "ec2.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy_attachment" "bastion" {
  count = local.bastion

  role       = aws_iam_role.bastion[0].name
  policy_arn = var.baseline.host_policy_arn
}

resource "aws_iam_instance_profile" "bastion" {
  count = local.bastion

  name = aws_iam_role.bastion[0].name
  role = aws_iam_role.bastion[0].name
}
