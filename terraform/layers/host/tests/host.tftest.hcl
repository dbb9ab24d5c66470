mock_provider "aws" {}

variables {
  environment        = "test"
  region             = "eu-west-1"
  layer              = "zookeeper"
  name               = "zookeeper-1"
  role               = "server"
  number             = 1
  instance_type      = "t3.small"
  image_id           = "ami-0123456789abcdef0"
  key_name           = "infra-test"
  user               = "admin"
  subnet             = { id = "subnet-0123456789abcdef0", zone = "eu-west-1a" }
  dns_zone           = { id = "Z0123456789ABCDEFGHIJ", name = "test.internal" }
  security_group_ids = ["sg-0123456789abcdef0"]
  instance_profile   = "infra-test-zookeeper"
  kms_key_arn        = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000001"
  alert_topic_arn    = "arn:aws:sns:eu-west-1:123456789012:infra-test-alert"
  volumes = {
    data = { device = "/dev/sdf", size_gb = 20, path = "/var/lib/zookeeper/data" }
    log  = { device = "/dev/sdg", size_gb = 10, path = "/var/lib/zookeeper/log" }
  }
}

run "as_usual" {
  command = plan

  # hardened
  assert {
    condition     = aws_instance.this.metadata_options[0].http_tokens == "required" && aws_instance.this.metadata_options[0].http_put_response_hop_limit == 1
    error_message = "Metadata must need IMDSv2, one hop away at most."
  }
  assert {
    condition     = aws_instance.this.root_block_device[0].encrypted && aws_instance.this.root_block_device[0].kms_key_id == var.kms_key_arn
    error_message = "The root volume must be encrypted with the environment's key."
  }
  assert {
    condition     = alltrue([for volume in aws_ebs_volume.this : volume.encrypted && volume.kms_key_id == var.kms_key_arn])
    error_message = "Every volume must be encrypted with the environment's key."
  }
  assert {
    condition     = startswith(aws_instance.this.user_data, "#cloud-config\n") && yamldecode(aws_instance.this.user_data).hostname == "zookeeper-1" && yamldecode(aws_instance.this.user_data).user.name == "admin"
    error_message = "cloud-init must give the host its name, and the account its key."
  }
  assert {
    condition     = !can(yamldecode(aws_instance.this.user_data).runcmd)
    error_message = "Without access by Systems Manager its agent must not be installed."
  }

  # has a name
  assert {
    condition     = aws_route53_record.this.name == "zookeeper-1.test.internal"
    error_message = "The host must have its name in the private zone."
  }

  # volumes live on their own
  assert {
    condition     = { for purpose, volume in aws_ebs_volume.this : purpose => volume.size } == { data = 20, log = 10 }
    error_message = "Each purpose needs a volume of its own size."
  }
  assert {
    condition     = alltrue([for attachment in aws_volume_attachment.this : attachment.skip_destroy])
    error_message = "A mounted volume must leave with its instance, not be torn off it."
  }

  # watched
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.host)) == toset(["status", "cpu", "io-balance", "memory", "swap", "clock"])
    error_message = "A host needs alarms on status, processor, memory, swap, I/O balance and clock."
  }
  assert {
    condition     = toset(keys(aws_cloudwatch_metric_alarm.path)) == toset(["disk-warning", "disk-critical", "inodes"])
    error_message = "A host needs alarms on disks and inodes."
  }
  assert {
    condition     = alltrue([for path in ["/", "/var/lib/zookeeper/data", "/var/lib/zookeeper/log"] : strcontains(aws_cloudwatch_metric_alarm.path["disk-critical"].alarm_description, path)])
    error_message = "The root and each volume must be watched."
  }
  assert {
    condition     = alltrue([for alarm in merge(aws_cloudwatch_metric_alarm.host, aws_cloudwatch_metric_alarm.path) : contains(alarm.alarm_actions, var.alert_topic_arn)])
    error_message = "Every alarm must notify the alert topic."
  }
  assert {
    condition     = aws_cloudwatch_metric_alarm.host["status"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.host["memory"].treat_missing_data == "breaching"
    error_message = "Silence of a host is trouble."
  }
}

run "systems_manager" {
  command = plan

  variables {
    systems_manager = true
  }

  assert {
    condition     = length(yamldecode(aws_instance.this.user_data).runcmd) == 2
    error_message = "Access by Systems Manager needs its agent from the first boot on."
  }
}

run "refuses_each" {
  command = plan

  variables {
    environment    = "Test"
    layer          = "Zookeeper"
    name           = "zookeeper_1"
    role           = "leader"
    number         = 0
    instance_type  = "large"
    root_volume_gb = 4
    volumes        = { data = { device = "/dev/sda", size_gb = 20, path = "/data" } }
    user           = "Admin User"
  }

  expect_failures = [var.environment, var.layer, var.name, var.role, var.number, var.instance_type, var.root_volume_gb, var.volumes, var.user]
}

run "refuses_device_twice" {
  command = plan

  variables {
    volumes = { data = { device = "/dev/sdf", size_gb = 20, path = "/data" }, log = { device = "/dev/sdf", size_gb = 20, path = "/log" } }
  }

  expect_failures = [var.volumes]
}

run "refuses_volume_size" {
  command = plan

  variables {
    volumes = { data = { device = "/dev/sdf", size_gb = 0, path = "/data" } }
  }

  expect_failures = [var.volumes]
}
