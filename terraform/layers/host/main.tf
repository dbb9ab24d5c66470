# One Linux host as every layer makes it: encrypted, reachable for its metadata by
# IMDSv2 only, with volumes of their own life and the alarms that watch it.

locals {
  full_name = "infra-${var.environment}-${var.name}"
  tags = merge(var.tags, {
    Name         = local.full_name
    layer        = var.layer
    initial_role = var.role
    number       = tostring(var.number)
  })

  agent_package = "https://s3.${var.region}.amazonaws.com/amazon-ssm-${var.region}/latest/debian_amd64/amazon-ssm-agent.deb"
  cloud_config = merge(
    {
      hostname          = var.name
      preserve_hostname = false
      user              = { name = var.user }
    },
    var.systems_manager ? {
      runcmd = [
        ["curl", "--fail", "--silent", "--show-error", "--retry", "10", "--retry-all-errors", "--output", "/run/amazon-ssm-agent.deb", local.agent_package],
        ["dpkg", "--install", "/run/amazon-ssm-agent.deb"],
      ]
    } : {},
  )
}

resource "aws_instance" "this" {
  ami                    = var.image_id
  instance_type          = var.instance_type
  key_name               = var.key_name
  subnet_id              = var.subnet.id
  private_ip             = var.private_ip
  vpc_security_group_ids = var.security_group_ids
  iam_instance_profile   = var.instance_profile
  user_data              = "#cloud-config\n${yamlencode(local.cloud_config)}"
  ebs_optimized          = true
  monitoring             = true

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  root_block_device {
    volume_type = "gp3"
    volume_size = var.root_volume_gb
    encrypted   = true
    kms_key_id  = var.kms_key_arn
  }

  tags = local.tags

  # A newer image, another first key or another first-boot script must never replace or
  # restart a host that runs. Replacing one is an operation of its own.
  lifecycle {
    ignore_changes = [ami, key_name, user_data]
  }
}

resource "aws_ebs_volume" "this" {
  for_each = var.volumes

  availability_zone = var.subnet.zone
  type              = "gp3"
  size              = each.value.size_gb
  encrypted         = true
  kms_key_id        = var.kms_key_arn

  tags = merge(local.tags, {
    Name    = "${local.full_name}-${each.key}"
    purpose = each.key
  })
}

resource "aws_volume_attachment" "this" {
  for_each = var.volumes

  device_name = each.value.device
  volume_id   = aws_ebs_volume.this[each.key].id
  instance_id = aws_instance.this.id

  # A mounted volume cannot be taken away cleanly. It leaves with its instance, whose
  # termination shuts the system down first.
  skip_destroy = true
}

resource "aws_route53_record" "this" {
  #checkov:skip=CKV2_AWS_23:a private address of the instance above, which the check does not follow; review by 2027-11
  zone_id = var.dns_zone.id
  name    = "${var.name}.${var.dns_zone.name}"
  type    = "A"
  ttl     = 60
  records = [aws_instance.this.private_ip]

  # Creating it a second time, when an answer got lost, is no error.
  allow_overwrite = true
}
