mock_provider "aws" {}

variables {
  environment = "test"
  dns_zone    = { id = "Z0123456789ABCDEFGHIJ", name = "test.internal" }
  region      = "eu-west-1"
  baseline = {
    kms_key_arns = {
      data   = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000001"
      logs   = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000002"
      backup = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000003"
    }
    alert_topic_arn         = "arn:aws:sns:eu-west-1:123456789012:infra-test-alert"
    permission_boundary_arn = "arn:aws:iam::123456789012:policy/infra-test-boundary"
    host_policy_arn         = "arn:aws:iam::123456789012:policy/infra-test-host"
    backup_bucket           = "infra-backup-test-123456789012"
    backup_retention_days   = 3
  }
  network = {
    id   = "vpc-0123456789abcdef0"
    arn  = "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-0123456789abcdef0"
    cidr = "10.20.0.0/16"
    database_subnets = [
      { id = "subnet-0000000000000000a", zone = "eu-west-1a", cidr = "10.20.216.0/21", route_table_id = "rtb-0000000000000000a" },
      { id = "subnet-0000000000000000b", zone = "eu-west-1b", cidr = "10.20.224.0/21", route_table_id = "rtb-0000000000000000b" },
      { id = "subnet-0000000000000000c", zone = "eu-west-1c", cidr = "10.20.232.0/21", route_table_id = "rtb-0000000000000000c" },
    ]
    internet_gateway_id       = "igw-0123456789abcdef0"
    nat_addresses             = { a = "203.0.113.7" }
    access                    = "bastion"
    bastion_security_group_id = "sg-0000000000000000b"
    bastion_address           = "203.0.113.9"
  }
  client_security_groups = { emr-core = "sg-0000000000000000c" }
  engine                 = "postgresql"
  engine_version         = "15"
  standbys               = 1
  instance_type          = "m6i.large"
  witness_instance_type  = "t3.micro"
  data_volume_gb         = 100
  address                = "elastic"
  allowed_cidrs          = ["198.51.100.0/24", "10.50.0.0/16"]
  synchronous            = false
  backup                 = { full = "*-*-* 01:00:00", differential = "hourly", warn_size_gb = 500, warn_minutes = 60 }
  rds                    = { instance_class = "db.m6i.large", allocated_gb = 100 }
  image_id               = "ami-0123456789abcdef0"
  key_name               = "infra-test"
  user                   = "admin"
}

run "as_usual" {
  command = plan

  # three zones
  assert {
    condition     = output.hosts[*].role == ["primary", "standby", "witness"] && output.hosts[*].name == ["postgresql-1", "postgresql-2", "postgresql-witness"]
    error_message = "A primary, a standby and a witness are needed."
  }
  assert {
    condition     = output.hosts[*].zone == ["eu-west-1a", "eu-west-1b", "eu-west-1c"] && output.hosts[*].number == [1, 2, 3]
    error_message = "Each must stand in a zone of its own; the witness has the last number."
  }
  assert {
    condition     = [for host in output.hosts : keys(host.volumes)] == [["data"], ["data"], []]
    error_message = "Only nodes with data have a data volume."
  }
  assert {
    condition     = tolist(output.group_vars.postgresql_endpoint_clients) == tolist(["203.0.113.7/32", "203.0.113.9/32"])
    error_message = "Who comes by the elastic address has NAT's, or the bastion's."
  }

  assert {
    condition     = output.group_vars.postgresql_nodes[*].role == ["primary", "standby", "witness"]
    error_message = "Ansible must know every node."
  }

  # fences its own cluster only
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.fence[0].policy).Statement :
      statement.Condition.StringEquals["aws:ResourceTag/cluster"] == "test-postgresql" if contains(["Stop", "Mark"], statement.Sid)
    ])
    error_message = "Stopping and marking must be limited to the tag of the own cluster."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.fence[0].policy).Statement : statement.Condition["ForAllValues:StringEquals"]["aws:TagKeys"] if statement.Sid == "Mark"] == [["fenced"]]
    error_message = "A node may set the mark and no other tag."
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.fence[0].policy).Statement : statement.Action if statement.Sid == "Mark"]) == ["ec2:CreateTags", "ec2:DeleteTags"]
    error_message = "A node sets the mark, and takes it off a node that follows again."
  }
  assert {
    condition     = flatten([for statement in jsondecode(aws_iam_role_policy.fence[0].policy).Statement : statement.Action if statement.Sid == "Stop"]) == ["ec2:StartInstances", "ec2:StopInstances"]
    error_message = "A node stops a failed one and starts it again."
  }
  assert {
    condition     = !strcontains(aws_iam_role_policy.fence[0].policy, "TerminateInstances")
    error_message = "A node may not terminate."
  }
  assert {
    condition     = [for statement in jsondecode(aws_iam_role_policy.fence[0].policy).Statement : statement.Condition.Bool["kms:GrantIsForAWSResource"] if statement.Sid == "StartWithEncryptedVolumes"] == ["true"]
    error_message = "A host with encrypted volumes starts only by who may let EC2 use their key."
  }
  assert {
    condition     = aws_iam_role.this[0].permissions_boundary == var.baseline.permission_boundary_arn
    error_message = "The role needs the boundary."
  }

  # backs up and no more
  assert {
    condition     = !strcontains(aws_iam_role_policy.backup[0].policy, "DeleteObjectVersion")
    error_message = "Older versions of backups must be out of the hosts' reach."
  }

  assert {
    condition     = output.group_vars.postgresql_backup_retention_days == 3 && output.group_vars.postgresql_backup_full == "*-*-* 01:00:00" && output.group_vars.postgresql_backup_differential == "hourly"
    error_message = "Ansible must know when to back up and how long to keep it."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.cluster["backup-size"].threshold == 536870912000 && aws_cloudwatch_metric_alarm.cluster["backup-duration"].threshold == 3600
    error_message = "Alarms must have the environment's limits."
  }

  # elastic address
  assert {
    condition     = length(aws_eip.endpoint) == 1 && length(aws_route53_record.endpoint) == 1
    error_message = "The primary needs its public address and its private name."
  }
  assert {
    condition     = toset([for route in aws_route.client : route.destination_cidr_block]) == toset(["198.51.100.0/24", "203.0.113.7/32", "203.0.113.9/32"]) && length(aws_route.client) == 9
    error_message = "Public clients must be answered through the internet gateway, private ones must not."
  }

  # closed but for the named
  assert {
    condition     = toset([for rule in aws_vpc_security_group_ingress_rule.outside : rule.cidr_ipv4]) == toset(["198.51.100.0/24", "10.50.0.0/16", "203.0.113.7/32", "203.0.113.9/32"])
    error_message = "Only the named networks and NAT may connect."
  }
  assert {
    condition     = aws_vpc_security_group_ingress_rule.ssh[0].referenced_security_group_id == "sg-0000000000000000b"
    error_message = "SSH comes from the bastion only."
  }

  # watched
  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.cluster)) == toset([
      "failover", "fence-unavailable", "replay-lag-time", "replay-lag-bytes", "standbys", "repmgrd", "witness", "slot-wal", "wal-disk",
      "archive-failures", "archive-age", "backup-age", "backup-failed", "backup-size", "backup-duration", "restore-age", "connections", "oldest-transaction", "transaction-ids", "checksums", "replacement-wanted",
    ])
    error_message = "The cluster needs its alarms."
  }
  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.cluster), aws_cloudwatch_metric_alarm.primaries) : contains(alarm.alarm_actions, var.baseline.alert_topic_arn)])
    error_message = "Every alarm must notify the alert topic."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.cluster["standbys"].threshold == 1 && aws_cloudwatch_metric_alarm.primaries[0].treat_missing_data == "breaching"
    error_message = "Missing standbys and a silent primary must be noticed."
  }
}

run "witness_keeps_its_place" {
  command = plan

  variables {
    standbys = 2
  }

  assert {
    condition     = toset(keys(module.node)) == toset(["1", "2", "3", "witness"]) && module.node["witness"].host.number == 4
    error_message = "Another standby must not turn the witness into a data node."
  }
}

run "private_address" {
  command = plan

  variables {
    address = "private"
  }

  assert {
    condition     = length(aws_eip.endpoint) == 0 && length(aws_route.client) == 0
    error_message = "Nothing may come in from outside by a public address."
  }
  assert {
    condition     = output.summary.endpoint_address == "postgresql.test.internal" && output.summary.endpoint_allocation_id == null
    error_message = "Clients must use the name that follows the primary."
  }
}

run "managed" {
  command = plan

  variables {
    engine = "rds"
  }

  assert {
    condition     = length(module.node) == 0 && length(aws_eip.endpoint) == 0 && length(aws_iam_role.this) == 0 && length(output.hosts) == 0
    error_message = "With the managed service there is no host."
  }
  assert {
    condition     = aws_db_instance.this[0].multi_az && aws_db_instance.this[0].storage_encrypted && aws_db_instance.this[0].deletion_protection && !aws_db_instance.this[0].publicly_accessible
    error_message = "The managed database must stand in two zones, encrypted, protected and private."
  }
  assert {
    condition     = aws_db_instance.this[0].manage_master_user_password && aws_db_instance.this[0].password == null
    error_message = "No password may be in the state."
  }
  assert {
    condition     = length(aws_cloudwatch_metric_alarm.rds) == 7 && length(aws_cloudwatch_metric_alarm.cluster) == 0
    error_message = "The managed database needs its own alarms, not those of hosts."
  }
  assert {
    condition     = length(keys(output.group_vars)) == 0
    error_message = "Ansible has nothing to do."
  }
}

run "refuses_each" {
  command = plan

  variables {
    environment          = "Test"
    engine               = "mysql"
    engine_version       = "9.6"
    standbys             = 0
    data_volume_gb       = 0
    address              = "public"
    allowed_cidrs        = ["0.0.0.0/0"]
    backup               = { full = "hourly", differential = "hourly", warn_size_gb = 0, warn_minutes = 60 }
    rds                  = { instance_class = "m6i.large", allocated_gb = 100 }
    secret_recovery_days = 3
  }

  expect_failures = [var.environment, var.engine, var.engine_version, var.standbys, var.data_volume_gb, var.address, var.allowed_cidrs, var.backup, var.rds, var.secret_recovery_days]
}

run "refuses_each_2" {
  command = plan

  variables {
    allowed_cidrs = ["10.50.0.0"]
    synchronous   = true
    backup        = { full = "daily; true", differential = "hourly", warn_size_gb = 1, warn_minutes = 1 }
    rds           = { instance_class = "db.m6i.large", allocated_gb = 5 }
  }

  expect_failures = [var.allowed_cidrs, var.synchronous, var.backup, var.rds]
}

# A second copy in another region, off unless asked for.
run "no_second_copy" {
  command = plan

  assert {
    condition     = length(aws_iam_role_policy.recovery) == 0 && length(aws_iam_role_policy.rebuilt_from) == 0 && !can(output.group_vars.postgresql_recovery)
    error_message = "Without recovery nothing of it may be there."
  }
}

run "second_copy" {
  command = plan

  variables {
    recovery = { region = "eu-central-1", bucket = "infra-recovery-test-123456789012" }
  }

  assert {
    condition     = output.group_vars.postgresql_recovery == { region = "eu-central-1", bucket = "infra-recovery-test-123456789012" }
    error_message = "Ansible must know the second repository."
  }
  assert {
    condition = alltrue([for statement in jsondecode(aws_iam_role_policy.recovery[0].policy).Statement :
      startswith(statement.Resource, "arn:aws:s3:::infra-recovery-test-123456789012") || statement.Resource == "arn:aws:kms:eu-central-1:123456789012:key/*"
    ])
    error_message = "The hosts may write to their own bucket with the key of its region."
  }
}

run "rebuilt" {
  command = plan

  variables {
    rebuilt_from = { bucket = "infra-recovery-prod-123456789012" }
  }

  assert {
    condition = alltrue([for action in flatten([for statement in jsondecode(aws_iam_role_policy.rebuilt_from[0].policy).Statement : statement.Action]) :
      can(regex("^(s3:(Get|List)|kms:Decrypt$)", action))
    ])
    error_message = "What an environment came from is only read."
  }
}

run "refuses_a_copy_at_home" {
  command = plan

  variables {
    recovery = { region = "eu-west-1", bucket = "infra-recovery-test-123456789012" }
  }

  expect_failures = [var.recovery]
}
