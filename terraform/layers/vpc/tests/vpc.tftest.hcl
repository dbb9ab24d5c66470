mock_provider "aws" {}

variables {
  environment = "test"
  region      = "eu-west-1"
  baseline = {
    kms_key_arns = {
      data = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000001"
      logs = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000002"
    }
    alert_topic_arn         = "arn:aws:sns:eu-west-1:123456789012:infra-test-alert"
    permission_boundary_arn = "arn:aws:iam::123456789012:policy/infra-test-boundary"
    host_policy_arn         = "arn:aws:iam::123456789012:policy/infra-test-host"
  }
  cidr                    = "10.20.0.0/16"
  zones                   = ["a", "b", "c"]
  nat                     = "single"
  interface_endpoints     = ["kms", "ssm"]
  flow_log_retention_days = 365
  access                  = "bastion"
  bastion_instance_type   = "t3.micro"
  bastion_allowed_cidrs   = ["198.51.100.0/24"]
  zone_name               = ""
  image_id                = "ami-0123456789abcdef0"
  key_name                = "infra-test"
  user                    = "admin"
}

run "as_usual" {
  command = plan

  # three zones
  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.private[zone].cidr_block] == ["10.20.0.0/18", "10.20.64.0/18", "10.20.128.0/18"]
    error_message = "Private subnets must be the first three quarters."
  }
  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.public[zone].cidr_block] == ["10.20.192.0/21", "10.20.200.0/21", "10.20.208.0/21"]
    error_message = "Public subnets must be the first three eighths of the last quarter."
  }
  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.database[zone].cidr_block] == ["10.20.216.0/21", "10.20.224.0/21", "10.20.232.0/21"]
    error_message = "Database subnets must be the next three eighths of the last quarter."
  }
  assert {
    condition     = [for zone in ["a", "b", "c"] : aws_subnet.private[zone].availability_zone] == ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
    error_message = "Each zone needs its subnet."
  }
  assert {
    condition     = alltrue([for subnet in aws_subnet.public : !subnet.map_public_ip_on_launch])
    error_message = "No host may get a public address by accident."
  }

  # closed by default
  assert {
    condition     = length(aws_default_security_group.this.ingress) == 0 && length(aws_default_security_group.this.egress) == 0
    error_message = "The default security group must let nothing pass."
  }
  assert {
    condition     = aws_flow_log.this.traffic_type == "ALL" && aws_cloudwatch_log_group.flow.kms_key_id == var.baseline.kms_key_arns["logs"]
    error_message = "All traffic must be logged, encrypted."
  }
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.bastion_ssh : rule.cidr_ipv4]) == toset(["198.51.100.0/24"])
    error_message = "Only the named networks may reach the bastion."
  }
  assert {
    condition     = aws_iam_role.flow.permissions_boundary == var.baseline.permission_boundary_arn && aws_iam_role.bastion[0].permissions_boundary == var.baseline.permission_boundary_arn
    error_message = "Every role needs the boundary."
  }

  # nat single
  assert {
    condition     = keys(aws_nat_gateway.this) == ["a"] && length(aws_route.private_nat) == 3 && length(aws_route.database_nat) == 3
    error_message = "One gateway must serve all zones."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.nat) == 2
    error_message = "The gateway needs its alarms."
  }

  # endpoints
  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "S3 must be reached by a gateway."
  }
  assert {
    condition     = toset([for endpoint in aws_vpc_endpoint.interface : endpoint.service_name]) == toset(["com.amazonaws.eu-west-1.kms", "com.amazonaws.eu-west-1.ssm"])
    error_message = "The services asked for need interface endpoints."
  }

  # private dns
  assert {
    condition     = aws_route53_zone.this.name == "test.internal"
    error_message = "The zone's default name is <environment>.internal."
  }

  # access by bastion
  assert {
    condition     = length(module.bastion) == 1 && length(aws_eip.bastion) == 1
    error_message = "Access by bastion needs the bastion and its address."
  }
  assert {
    condition     = length(output.hosts) == 1 && output.hosts[0].name == "bastion" && output.hosts[0].layer == "vpc"
    error_message = "The bastion is a host."
  }
}

run "smallest_range" {
  command = plan

  variables {
    cidr = "10.20.0.0/20"
  }

  assert {
    condition     = aws_subnet.private["a"].cidr_block == "10.20.0.0/22" && aws_subnet.database["c"].cidr_block == "10.20.14.128/25"
    error_message = "A /20 must be cut the same way."
  }
}

run "nat_per_zone" {
  command = plan

  variables {
    nat = "per_zone"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 3 && length(aws_cloudwatch_metric_alarm.nat) == 6
    error_message = "Each zone needs a gateway with its alarms."
  }
}

run "nat_none" {
  command = plan

  variables {
    nat = "none"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_route.private_nat) == 0 && length(aws_eip.nat) == 0
    error_message = "Without NAT there is no gateway, route or address."
  }
}

run "access_by_ssm" {
  command = plan

  variables {
    access                = "ssm"
    bastion_allowed_cidrs = []
  }

  assert {
    condition     = length(module.bastion) == 0 && length(aws_security_group.bastion) == 0 && length(output.hosts) == 0
    error_message = "With access by SSM there is no bastion."
  }
  assert {
    condition     = output.bastion_address == null && output.bastion_security_group_id == null
    error_message = "Without a bastion nothing may point to one."
  }
}

run "refuses_each" {
  command = plan

  variables {
    environment             = "Test"
    cidr                    = "10.20.0.0"
    zones                   = ["a", "b"]
    nat                     = "two"
    interface_endpoints     = ["KMS"]
    flow_log_retention_days = 42
    access                  = "vpn"
    zone_name               = "internal"
  }

  expect_failures = [var.environment, var.cidr, var.zones, var.nat, var.interface_endpoints, var.flow_log_retention_days, var.access, var.zone_name]
}

run "refuses_each_2" {
  command = plan

  variables {
    cidr                = "10.20.0.1/16"
    zones               = ["a", "b", "b"]
    interface_endpoints = ["s3"]
  }

  expect_failures = [var.cidr, var.zones, var.interface_endpoints]
}

run "refuses_each_3" {
  command = plan

  variables {
    cidr  = "10.0.0.0/8"
    zones = ["a", "b", "eu-west-1c"]
  }

  expect_failures = [var.cidr, var.zones]
}

run "refuses_small_cidr" {
  command = plan

  variables {
    cidr = "10.20.0.0/24"
  }

  expect_failures = [var.cidr]
}

run "refuses_public_cidr" {
  command = plan

  variables {
    cidr = "52.10.0.0/16"
  }

  expect_failures = [var.cidr]
}

run "refuses_the_whole_internet" {
  command = plan

  variables {
    bastion_allowed_cidrs = ["0.0.0.0/0"]
  }

  expect_failures = [var.bastion_allowed_cidrs]
}

run "refuses_a_bastion_for_nobody" {
  command = plan

  variables {
    bastion_allowed_cidrs = []
  }

  expect_failures = [var.bastion_allowed_cidrs]
}
