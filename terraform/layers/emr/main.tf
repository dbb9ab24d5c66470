# Clusters by colour, one of which is active: jobs find it by a DNS name and an SSM
# parameter. A cluster is replaced by making the other colour, moving the pointer to it and
# dropping the first, never by changing the one in use: `infra emr replace` does so, and
# keeps which colours there are.
locals {
  name      = "infra-${var.environment}-emr"
  partition = split(":", var.baseline.permission_boundary_arn)[1]

  # Each colour has a zone of its own, so that one zone's loss leaves room for a new cluster.
  colours = { for colour in var.clusters : colour => {
    subnet = var.network.private_subnets[{ blue = 0, green = 1 }[colour]]
    active = colour == var.active
  } }

  # EMR's own role may touch only what says so.
  managed_tag = { "for-use-with-amazon-emr-managed-policies" = "true" }
}

resource "aws_emr_cluster" "this" {
  for_each = local.colours

  name                              = "${local.name}-${each.key}"
  release_label                     = var.release
  applications                      = distinct(concat(var.applications, ["AmazonCloudWatchAgent"]))
  service_role                      = aws_iam_role.service.arn
  security_configuration            = aws_emr_security_configuration.this[each.key].name
  log_uri                           = "s3://${var.baseline.log_bucket}/emr/"
  log_encryption_kms_key_id         = var.baseline.kms_key_arns["logs"]
  keep_job_flow_alive_when_no_steps = true
  termination_protection            = var.termination_protection && each.value.active

  ec2_attributes {
    subnet_id                         = each.value.subnet.id
    instance_profile                  = aws_iam_instance_profile.node.arn
    key_name                          = var.key_name
    emr_managed_master_security_group = aws_security_group.this["primary"].id
    emr_managed_slave_security_group  = aws_security_group.this["core"].id
    service_access_security_group     = aws_security_group.this["service"].id
  }

  master_instance_group {
    name          = "primary"
    instance_type = var.primary_instance_type
  }

  core_instance_group {
    name           = "core"
    instance_type  = var.core_instance_type
    instance_count = var.core_count
  }

  tags = merge(local.managed_tag, { Name = "${local.name}-${each.key}", layer = "emr", colour = each.key })

  # A cluster stays what it was made as: another release, application, instance type or key
  # is for the other colour, since any of them would end the one in use. Steps come from
  # outside, the number of nodes from the scaling policy. scale_down_behavior, which would
  # have it replaced as well, is not set.
  lifecycle {
    ignore_changes = [
      step, release_label, applications, security_configuration, master_instance_group, core_instance_group,
      ec2_attributes[0].key_name, log_encryption_kms_key_id,
    ]
  }

  depends_on = [
    aws_iam_role_policy.service,
    aws_iam_role_policy_attachment.service,
    aws_iam_role_policy.node,
    aws_iam_role_policy_attachment.host,
    aws_vpc_security_group_ingress_rule.group,
    aws_vpc_security_group_egress_rule.group,
  ]
}

resource "aws_emr_managed_scaling_policy" "this" {
  for_each = local.colours

  cluster_id = aws_emr_cluster.this[each.key].id

  compute_limits {
    unit_type                       = "Instances"
    minimum_capacity_units          = var.core_count
    maximum_capacity_units          = var.max_capacity
    maximum_core_capacity_units     = var.max_capacity
    maximum_ondemand_capacity_units = var.max_capacity
  }
}

resource "aws_emr_security_configuration" "this" {
  for_each = local.colours

  name_prefix = "${local.name}-${each.key}-"

  configuration = jsonencode({
    EncryptionConfiguration = merge(
      {
        EnableAtRestEncryption    = true
        EnableInTransitEncryption = var.in_transit_certificates != null
        AtRestEncryptionConfiguration = {
          S3EncryptionConfiguration = {
            EncryptionMode = "SSE-KMS"
            AwsKmsKey      = var.baseline.kms_key_arns["data"]
          }
          LocalDiskEncryptionConfiguration = {
            EncryptionKeyProviderType = "AwsKms"
            AwsKmsKey                 = var.baseline.kms_key_arns["data"]
            EnableEbsEncryption       = true
          }
        }
      },
      var.in_transit_certificates == null ? {} : {
        InTransitEncryptionConfiguration = {
          TLSCertificateConfiguration = {
            CertificateProviderType = "PEM"
            S3Object                = var.in_transit_certificates
          }
        }
      },
    )
    InstanceMetadataServiceConfiguration = {
      MinimumInstanceMetadataServiceVersion = 2
      HttpPutResponseHopLimit               = 1
    }
  })

  # EMR cannot change one that a cluster has: another setting is for the other colour.
  lifecycle {
    create_before_destroy = true
    ignore_changes        = [configuration]
  }
}
