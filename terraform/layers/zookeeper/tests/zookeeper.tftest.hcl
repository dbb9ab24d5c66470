mock_provider "aws" {}

variables {
  environment = "test"
  dns_zone    = { id = "Z0123456789ABCDEFGHIJ", name = "test.internal" }
  region      = "eu-west-1"
  baseline = {
    kms_key_arns            = { data = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000001" }
    alert_topic_arn         = "arn:aws:sns:eu-west-1:123456789012:infra-test-alert"
    permission_boundary_arn = "arn:aws:iam::123456789012:policy/infra-test-boundary"
    host_policy_arn         = "arn:aws:iam::123456789012:policy/infra-test-host"
  }
  network = {
    id = "vpc-0123456789abcdef0"
    private_subnets = [
      { id = "subnet-0000000000000000a", zone = "eu-west-1a", cidr = "10.20.0.0/18" },
      { id = "subnet-0000000000000000b", zone = "eu-west-1b", cidr = "10.20.64.0/18" },
      { id = "subnet-0000000000000000c", zone = "eu-west-1c", cidr = "10.20.128.0/18" },
    ]
    access                    = "bastion"
    bastion_security_group_id = "sg-0000000000000000b"
  }
  client_security_groups = { emr-core = "sg-0000000000000000c" }
  size                   = 3
  instance_type          = "t3.small"
  data_volume_gb         = 20
  log_volume_gb          = 10
  heap_mb                = 512
  image_id               = "ami-0123456789abcdef0"
  key_name               = "infra-test"
  user                   = "admin"
}

run "as_usual" {
  command = plan

  # ensemble
  assert {
    condition     = output.group_vars.zookeeper_ensemble[*].address == ["10.20.0.21", "10.20.64.22", "10.20.128.23"]
    error_message = "Addresses must be fixed, one in each zone."
  }
  assert {
    condition     = output.hosts[*].name == ["zookeeper-1", "zookeeper-2", "zookeeper-3"] && output.hosts[*].number == [1, 2, 3]
    error_message = "Hosts must be numbered from 1."
  }
  assert {
    condition     = output.hosts[*].private_address == ["10.20.0.21", "10.20.64.22", "10.20.128.23"]
    error_message = "Each server must have the address that the others know."
  }
  assert {
    condition     = alltrue([for host in output.hosts : toset(keys(host.volumes)) == toset(["data", "log"])])
    error_message = "Snapshots and the transaction log need a volume each."
  }
  assert {
    condition     = output.connect == "zookeeper-1.test.internal:2181,zookeeper-2.test.internal:2181,zookeeper-3.test.internal:2181"
    error_message = "Clients connect to every server by name."
  }

  # groups by reference
  assert {
    condition     = alltrue([for rule in concat(values(aws_vpc_security_group_ingress_rule.client), values(aws_vpc_security_group_ingress_rule.peer), aws_vpc_security_group_ingress_rule.ssh) : rule.cidr_ipv4 == null])
    error_message = "Nothing may come in by an address range."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh[0].referenced_security_group_id == "sg-0000000000000000b"
    error_message = "SSH comes from the bastion only."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.client["emr-core"].referenced_security_group_id == "sg-0000000000000000c" && aws_vpc_security_group_egress_rule.client["emr-core"].security_group_id == "sg-0000000000000000c"
    error_message = "A client's group must be let in, and let out."
  }

  # watched
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.ensemble)) == toset(["quorum", "voters", "synced-followers", "elections", "znodes"])
    error_message = "The ensemble needs its alarms."
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.server)) == toset(["outstanding", "latency", "fsync", "descriptors", "heap"])
    error_message = "The servers need their alarms."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.ensemble["quorum"].threshold == 2 && aws_cloudwatch_metric_alarm.ensemble["voters"].threshold == 3 && aws_cloudwatch_metric_alarm.ensemble["synced-followers"].threshold == 2
    error_message = "Thresholds must follow the ensemble's size."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.leader.treat_missing_data == "breaching" && contains(aws_cloudwatch_metric_alarm.leader.alarm_actions, var.baseline.alert_topic_arn)
    error_message = "An ensemble that says nothing has no leader."
  }

  # bounded role
  assert {
    condition     = aws_iam_role.this.permissions_boundary == var.baseline.permission_boundary_arn
    error_message = "The role needs the boundary."
  }
}

run "seven_servers" {
  command = plan

  variables {
    size = 7
  }

  assert {
    condition     = length(output.hosts) == 7 && length(distinct(output.group_vars.zookeeper_ensemble[*].address)) == 7
    error_message = "Servers that share a zone must not share an address."
  }
}

run "one_server" {
  command = plan

  variables {
    size = 1
  }

  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.ensemble)) == toset(["elections", "znodes"])
    error_message = "A single server has no quorum and no follower to be watched."
  }
}

run "access_by_ssm" {
  command = plan

  variables {
    network = {
      id                        = "vpc-0123456789abcdef0"
      private_subnets           = [{ id = "subnet-0000000000000000a", zone = "eu-west-1a", cidr = "10.20.0.0/18" }]
      access                    = "ssm"
      bastion_security_group_id = null
    }
  }

  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.ssh) == 0 && length(aws_iam_role_policy_attachment.systems_manager) == 1
    error_message = "With access by SSM the port stays closed and the role lets the agent speak."
  }
}

run "refuses_each" {
  command = plan

  variables {
    environment          = "Test"
    size                 = 4
    data_volume_gb       = 0
    log_volume_gb        = 20000
    heap_mb              = 64
    secret_recovery_days = 3
  }

  expect_failures = [var.environment, var.size, var.data_volume_gb, var.log_volume_gb, var.heap_mb, var.secret_recovery_days]
}
