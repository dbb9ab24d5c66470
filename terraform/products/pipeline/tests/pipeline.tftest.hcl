mock_provider "aws" {}

override_data {
  target = data.terraform_remote_state.baseline
  values = {
    outputs = {
      kms_key_arns = {
        data   = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000001"
        logs   = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000002"
        backup = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000003"
      }
      backup_bucket           = "infra-backup-test-123456789012"
      backup_retention_days   = 3
      log_bucket              = "infra-logs-test-123456789012"
      alert_topic_arn         = "arn:aws:sns:eu-west-1:123456789012:infra-test-alert"
      permission_boundary_arn = "arn:aws:iam::123456789012:policy/infra-test-boundary"
      host_policy_arn         = "arn:aws:iam::123456789012:policy/infra-test-host"
      plan_role_arn           = "arn:aws:iam::123456789012:role/infra-test-plan"
      apply_role_arn          = "arn:aws:iam::123456789012:role/infra-test-apply"
      trail_arn               = null
    }
  }
}

variables {
  environment    = "test"
  account_id     = "123456789012"
  region         = "eu-west-1"
  state_bucket   = "infra-state-123456789012-eu-west-1"
  state_region   = "eu-west-1"
  ssh_public_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDa0uXkZ0yZl6PZ7cO4u2tQ8C0mD3s0b2Jr9Yd3c8s1k operator"
  ssh_user       = "admin"
  image          = { owner = "136693071363", name = "debian-12-amd64-*" }
  vpc = {
    cidr                    = "10.20.0.0/16"
    zones                   = ["a", "b", "c"]
    nat                     = "single"
    interface_endpoints     = ["kms"]
    flow_log_retention_days = 365
    access                  = "bastion"
    bastion_instance_type   = "t3.micro"
    bastion_allowed_cidrs   = ["198.51.100.0/24"]
    zone_name               = ""
  }
  zookeeper = { size = 3, instance_type = "t3.small", data_volume_gb = 20, log_volume_gb = 10, heap_mb = 512 }
  postgresql = {
    engine                = "postgresql"
    version               = "15"
    standbys              = 1
    instance_type         = "m6i.large"
    witness_instance_type = "t3.micro"
    data_volume_gb        = 100
    address               = "elastic"
    allowed_cidrs         = []
    synchronous           = false
    backup                = { full = "*-*-* 01:00:00", differential = "hourly", warn_size_gb = 500, warn_minutes = 60 }
    rds                   = { instance_class = "db.m6i.large", allocated_gb = 100 }
  }
  emr = {
    release               = "emr-7.13.0"
    active                = "blue"
    clusters              = ["blue"]
    applications          = ["Spark", "Hadoop"]
    primary_instance_type = "m6i.xlarge"
    core_instance_type    = "m6i.xlarge"
    core_count            = 2
    max_capacity          = 10
  }
}

run "as_usual" {
  command = plan

  # platform
  assert {
    condition = concat(output.vpc.hosts, output.zookeeper.hosts, output.postgresql.hosts)[*].name == [
      "bastion", "zookeeper-1", "zookeeper-2", "zookeeper-3", "postgresql-1", "postgresql-2", "postgresql-witness",
    ]
    error_message = "Every host must be listed by its layer, in a stable order."
  }
  assert {
    condition     = length(output.zookeeper.group_vars.zookeeper_ensemble) == 3 && length(output.postgresql.group_vars.postgresql_nodes) == 3
    error_message = "Ansible must know every member."
  }
  assert {
    condition     = output.emr.active == "blue" && output.emr.pointer_name == "emr.test.internal" && output.postgresql.engine == "postgresql"
    error_message = "The layers must tell what they are."
  }
  assert {
    condition     = output.vpc.zone_name == "test.internal" && output.vpc.cidr == "10.20.0.0/16"
    error_message = "The network must be told."
  }
}

run "without_bastion_and_hosts" {
  command = plan

  variables {
    vpc = {
      cidr                    = "10.20.0.0/16"
      zones                   = ["a", "b", "c"]
      nat                     = "per_zone"
      interface_endpoints     = []
      flow_log_retention_days = 365
      access                  = "ssm"
      bastion_instance_type   = "t3.micro"
      bastion_allowed_cidrs   = []
      zone_name               = "data.example.internal"
    }
    postgresql = {
      engine                = "rds"
      version               = "15"
      standbys              = 1
      instance_type         = "m6i.large"
      witness_instance_type = "t3.micro"
      data_volume_gb        = 100
      address               = "private"
      allowed_cidrs         = []
      synchronous           = false
      backup                = { full = "*-*-* 01:00:00", differential = "hourly", warn_size_gb = 500, warn_minutes = 60 }
      rds                   = { instance_class = "db.m6i.large", allocated_gb = 100 }
    }
  }

  assert {
    condition     = length(output.vpc.hosts) == 0 && length(output.zookeeper.hosts) == 3 && length(output.postgresql.hosts) == 0 && output.vpc.bastion_address == null
    error_message = "With SSM and the managed database only the ensemble has hosts."
  }
  assert {
    condition     = length(keys(output.postgresql.group_vars)) == 0
    error_message = "Ansible has nothing to do for the managed database."
  }
}

run "refuses_each" {
  command = plan

  variables {
    environment    = "Test"
    account_id     = "1234"
    region         = "Ireland"
    tags           = { "infra:run" = "1" }
    state_bucket   = "Not_A_Bucket"
    state_region   = "Ireland"
    ssh_public_key = "-----BEGIN OPENSSH PRIVATE KEY-----"
    ssh_user       = "Admin User"
    image          = { owner = "*", name = "debian-12-amd64-*" }
  }

  expect_failures = [var.environment, var.account_id, var.region, var.tags, var.state_bucket, var.state_region, var.ssh_public_key, var.ssh_user, var.image]
}

run "refuses_no_image" {
  command = plan

  variables {
    image = { owner = "136693071363", name = "" }
  }

  expect_failures = [var.image]
}

run "refuses_role_of_another_account" {
  command = plan

  variables {
    role = { arn = "arn:aws:iam::210987654321:role/infra", external_id = "" }
  }

  expect_failures = [var.role]
}
