locals {
  data_nodes = { for number in range(1, local.managed ? 1 : var.standbys + 2) : tostring(number) => {
    number  = number
    name    = "postgresql-${number}"
    role    = number == 1 ? "primary" : "standby"
    subnet  = var.network.database_subnets[(number - 1) % length(var.network.database_subnets)]
    type    = var.instance_type
    volumes = { data = { device = "/dev/sdf", size_gb = var.data_volume_gb, path = "/var/lib/postgresql" } }
  } }

  # In the last zone: with one standby that is the zone without data. It keeps its key when
  # the number of standbys, and with it its own number, changes.
  witness = local.managed ? {} : { witness = {
    number  = var.standbys + 2
    name    = "postgresql-witness"
    role    = "witness"
    subnet  = var.network.database_subnets[length(var.network.database_subnets) - 1]
    type    = var.witness_instance_type
    volumes = {}
  } }

  nodes = merge(local.data_nodes, local.witness)
}

module "node" {
  source   = "../host"
  for_each = local.nodes

  environment        = var.environment
  region             = var.region
  layer              = "postgresql"
  name               = each.value.name
  role               = each.value.role
  number             = each.value.number
  instance_type      = each.value.type
  image_id           = var.image_id
  key_name           = var.key_name
  user               = var.user
  subnet             = each.value.subnet
  dns_zone           = var.dns_zone
  security_group_ids = [aws_security_group.this.id]
  instance_profile   = aws_iam_instance_profile.this[0].name
  kms_key_arn        = var.baseline.kms_key_arns["data"]
  alert_topic_arn    = var.baseline.alert_topic_arn
  systems_manager    = var.network.access == "ssm"
  volumes            = each.value.volumes

  # The tag by which a node may fence the nodes of its own cluster and no others.
  tags = { cluster = local.cluster }
}
