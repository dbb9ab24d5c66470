# An ensemble of ZooKeeper servers, spread over the zones. A server's address is fixed, so
# that one that replaces it takes its place without a change on the others.
locals {
  name    = "infra-${var.environment}-zookeeper"
  cluster = "${var.environment}-zookeeper"
  # As the environment's own policies name it.
  partition = split(":", var.baseline.permission_boundary_arn)[1]

  # The first addresses of a subnet belong to AWS; ten more are left for other fixed ones.
  first_address = 20
  servers = { for number in range(1, var.size + 1) : tostring(number) => {
    number = number
    name   = "zookeeper-${number}"
    subnet = var.network.private_subnets[(number - 1) % length(var.network.private_subnets)]
  } }
  addresses = { for key, server in local.servers : key => cidrhost(server.subnet.cidr, local.first_address + server.number) }
}

module "server" {
  source   = "../host"
  for_each = local.servers

  environment        = var.environment
  region             = var.region
  layer              = "zookeeper"
  name               = each.value.name
  role               = "server"
  number             = each.value.number
  instance_type      = var.instance_type
  image_id           = var.image_id
  key_name           = var.key_name
  user               = var.user
  subnet             = each.value.subnet
  dns_zone           = var.dns_zone
  private_ip         = local.addresses[each.key]
  security_group_ids = [aws_security_group.this.id]
  instance_profile   = aws_iam_instance_profile.this.name
  kms_key_arn        = var.baseline.kms_key_arns["data"]
  alert_topic_arn    = var.baseline.alert_topic_arn
  systems_manager    = var.network.access == "ssm"

  # Every write waits for the transaction log, which therefore has a volume to itself.
  volumes = {
    data = { device = "/dev/sdf", size_gb = var.data_volume_gb, path = "/var/lib/zookeeper/data" }
    log  = { device = "/dev/sdg", size_gb = var.log_volume_gb, path = "/var/lib/zookeeper/log" }
  }

  tags = { cluster = local.cluster }
}
