mock_provider "aws" {}

variables {
  environment = "test"
  dns_zone    = { id = "Z0123456789ABCDEFGHIJ", name = "test.internal" }
  region      = "eu-west-1"
  account_id  = "123456789012"
  baseline = {
    kms_key_arns = {
      data = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000001"
      logs = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000002"
    }
    alert_topic_arn         = "arn:aws:sns:eu-west-1:123456789012:infra-test-alert"
    log_bucket              = "infra-logs-test-123456789012"
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
  release               = "emr-7.13.0"
  active                = "blue"
  clusters              = ["blue"]
  applications          = ["Spark", "Hadoop"]
  primary_instance_type = "m6i.xlarge"
  core_instance_type    = "m6i.xlarge"
  core_count            = 2
  max_capacity          = 10
  key_name              = "infra-test"
}

run "as_usual" {
  command = plan

  # one colour
  assert {
    condition     = keys(aws_emr_cluster.this) == ["blue"] && aws_emr_cluster.this["blue"].termination_protection
    error_message = "The active cluster must exist and be protected."
  }
  assert {
    condition     = contains(aws_emr_cluster.this["blue"].applications, "AmazonCloudWatchAgent")
    error_message = "The primary's memory can be watched only with the agent."
  }
  assert {
    condition     = aws_emr_cluster.this["blue"].log_uri == "s3://infra-logs-test-123456789012/emr/" && aws_emr_cluster.this["blue"].log_encryption_kms_key_id == var.baseline.kms_key_arns["logs"]
    error_message = "Logs must go to the log bucket, encrypted."
  }
  assert {
    condition     = aws_route53_record.active.name == "emr.test.internal" && aws_route53_record.active.ttl == 30 && aws_ssm_parameter.active.name == "/infra/test/emr/active"
    error_message = "A name and a parameter must point to the active cluster."
  }

  # encrypted
  assert {
    condition     = jsondecode(aws_emr_security_configuration.this["blue"].configuration).EncryptionConfiguration.AtRestEncryptionConfiguration.LocalDiskEncryptionConfiguration.EnableEbsEncryption
    error_message = "Local disks must be encrypted."
  }
  assert {
    condition     = jsondecode(aws_emr_security_configuration.this["blue"].configuration).EncryptionConfiguration.AtRestEncryptionConfiguration.S3EncryptionConfiguration.EncryptionMode == "SSE-KMS"
    error_message = "S3 must be encrypted with a customer key."
  }
  assert {
    condition     = jsondecode(aws_emr_security_configuration.this["blue"].configuration).InstanceMetadataServiceConfiguration.MinimumInstanceMetadataServiceVersion == 2
    error_message = "Nodes need IMDSv2."
  }

  # scales
  assert {
    condition     = one(aws_emr_managed_scaling_policy.this["blue"].compute_limits).minimum_capacity_units == 2 && one(aws_emr_managed_scaling_policy.this["blue"].compute_limits).maximum_capacity_units == 10
    error_message = "Scaling must stay within the settings."
  }

  # bounded roles
  assert {
    condition     = aws_iam_role.service.permissions_boundary == var.baseline.permission_boundary_arn && aws_iam_role.node.permissions_boundary == var.baseline.permission_boundary_arn
    error_message = "Every role needs the boundary."
  }
  assert {
    condition     = alltrue([for group in aws_security_group.this : group.tags["for-use-with-amazon-emr-managed-policies"] == "true"])
    error_message = "EMR's role may use only groups that carry its tag."
  }

  # closed
  assert {
    condition     = alltrue([for rule in merge(aws_vpc_security_group_ingress_rule.group, aws_vpc_security_group_ingress_rule.ssh) : rule.cidr_ipv4 == null])
    error_message = "Nothing may come in by an address range."
  }
}

run "two_colours" {
  command = plan

  variables {
    clusters = ["blue", "green"]
    active   = "green"
  }

  assert {
    condition     = !aws_emr_cluster.this["blue"].termination_protection && aws_emr_cluster.this["green"].termination_protection
    error_message = "Only the active colour is protected."
  }
  assert {
    condition     = aws_emr_cluster.this["blue"].ec2_attributes[0].subnet_id != aws_emr_cluster.this["green"].ec2_attributes[0].subnet_id
    error_message = "Each colour has a zone of its own."
  }
  assert {
    condition     = output.summary.answers == "s3://infra-logs-test-123456789012/emr/answers/test/"
    error_message = "infra must know where clusters answer."
  }
  assert {
    condition     = output.summary.active == "green"
    error_message = "The pointer must follow the active colour."
  }
}

run "unprotected_where_asked" {
  command = plan

  variables {
    termination_protection = false
  }

  assert {
    condition     = !aws_emr_cluster.this["blue"].termination_protection
    error_message = "Protection must be a choice."
  }
}

run "encrypted_in_transit" {
  command = plan

  variables {
    in_transit_certificates = "s3://certificates/emr.zip"
  }

  assert {
    condition     = jsondecode(aws_emr_security_configuration.this["blue"].configuration).EncryptionConfiguration.EnableInTransitEncryption
    error_message = "With certificates traffic must be encrypted."
  }
  assert {
    condition     = strcontains(aws_iam_role_policy.node.policy, "arn:aws:s3:::certificates/emr.zip")
    error_message = "Nodes must be able to read the certificates."
  }
}

run "watched" {
  command = plan

  variables {
    clusters = ["blue", "green"]
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.cluster) == 12 && length(aws_cloudwatch_metric_alarm.yarn_memory) == 2 && length(aws_cloudwatch_metric_alarm.primary) == 4
    error_message = "Every colour needs its alarms, on memory above all."
  }
  assert {
    condition     = alltrue([for alarm in merge(aws_cloudwatch_metric_alarm.yarn_memory, aws_cloudwatch_metric_alarm.primary) : contains(alarm.alarm_actions, var.baseline.alert_topic_arn)])
    error_message = "Every alarm must notify the alert topic."
  }
  assert {
    condition     = alltrue([for alarm in aws_cloudwatch_metric_alarm.primary : alarm.alarm_name == "infra-test-emr-${one([for key, it in aws_cloudwatch_metric_alarm.primary : key if it.alarm_name == alarm.alarm_name])}"])
    error_message = "infra finds an alarm's colour in its name."
  }
}

run "refuses_each" {
  command = plan

  variables {
    environment             = "Test"
    account_id              = "1234"
    release                 = "7.13.0"
    clusters                = ["blue", "red"]
    applications            = []
    core_count              = 0
    in_transit_certificates = "https://example.org/emr.zip"
  }

  expect_failures = [var.environment, var.account_id, var.release, var.clusters, var.applications, var.core_count, var.in_transit_certificates]
}

run "refuses_each_2" {
  command = plan

  variables {
    release  = "emr-6.15.0"
    clusters = ["blue", "blue"]
  }

  expect_failures = [var.release, var.clusters]
}

run "refuses_active_that_does_not_exist" {
  command = plan

  variables {
    active = "green"
  }

  expect_failures = [var.active]
}

run "refuses_capacity_below_core" {
  command = plan

  variables {
    max_capacity = 1
  }

  expect_failures = [var.max_capacity]
}

# What a cluster was made as stays, whatever the settings say later: these runs keep a state.
run "made" {
  command = apply
}

run "stays_as_it_was_made" {
  command = plan

  variables {
    release                 = "emr-7.14.0"
    applications            = ["Spark", "Hadoop", "Hive"]
    primary_instance_type   = "m6i.2xlarge"
    core_instance_type      = "m6i.2xlarge"
    key_name                = "infra-other"
    in_transit_certificates = "s3://certificates/emr.zip"
  }

  assert {
    condition     = aws_emr_cluster.this["blue"].id == run.made.summary.clusters["blue"].id && aws_emr_cluster.this["blue"].release_label == "emr-7.13.0"
    error_message = "The cluster in use must neither change nor be replaced."
  }
}

run "the_other_colour_is_made_anew" {
  command = plan

  variables {
    clusters              = ["blue", "green"]
    release               = "emr-7.14.0"
    primary_instance_type = "m6i.2xlarge"
  }

  assert {
    condition     = aws_emr_cluster.this["green"].release_label == "emr-7.14.0" && aws_emr_cluster.this["green"].master_instance_group[0].instance_type == "m6i.2xlarge"
    error_message = "The other colour must be made as the settings say."
  }
  assert {
    condition     = aws_emr_cluster.this["blue"].release_label == "emr-7.13.0"
    error_message = "The cluster in use must stay as it is."
  }
}
