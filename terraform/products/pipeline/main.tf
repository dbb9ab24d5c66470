# The platform: a network, and in it a coordination service, a database and a
# processing cluster. Each layer is a module; this file only wires them.

data "aws_ami" "host" {
  owners      = [var.image.owner]
  most_recent = true

  filter {
    name   = "name"
    values = [var.image.name]
  }
}

# The first of the operators' keys; Ansible gives hosts the others.
resource "aws_key_pair" "operator" {
  key_name   = "infra-${var.environment}"
  public_key = var.ssh_public_key
}

module "vpc" {
  source = "../../layers/vpc"

  environment             = var.environment
  region                  = var.region
  baseline                = local.baseline
  cidr                    = var.vpc.cidr
  zones                   = var.vpc.zones
  nat                     = var.vpc.nat
  interface_endpoints     = var.vpc.interface_endpoints
  flow_log_retention_days = var.vpc.flow_log_retention_days
  access                  = var.vpc.access
  bastion_instance_type   = var.vpc.bastion_instance_type
  bastion_allowed_cidrs   = var.vpc.bastion_allowed_cidrs
  zone_name               = var.vpc.zone_name
  image_id                = data.aws_ami.host.id
  key_name                = aws_key_pair.operator.key_name
  user                    = var.ssh_user
}

module "zookeeper" {
  source = "../../layers/zookeeper"

  environment            = var.environment
  region                 = var.region
  baseline               = local.baseline
  network                = local.network
  dns_zone               = local.dns_zone
  client_security_groups = module.emr.client_security_groups
  size                   = var.zookeeper.size
  instance_type          = var.zookeeper.instance_type
  data_volume_gb         = var.zookeeper.data_volume_gb
  log_volume_gb          = var.zookeeper.log_volume_gb
  heap_mb                = var.zookeeper.heap_mb
  image_id               = data.aws_ami.host.id
  key_name               = aws_key_pair.operator.key_name
  user                   = var.ssh_user
  secret_recovery_days   = var.emulated ? 0 : 30
}

module "postgresql" {
  source = "../../layers/postgresql"

  environment            = var.environment
  region                 = var.region
  baseline               = local.baseline
  network                = local.network
  dns_zone               = local.dns_zone
  client_security_groups = module.emr.client_security_groups
  engine                 = var.postgresql.engine
  engine_version         = var.postgresql.version
  standbys               = var.postgresql.standbys
  instance_type          = var.postgresql.instance_type
  witness_instance_type  = var.postgresql.witness_instance_type
  data_volume_gb         = var.postgresql.data_volume_gb
  address                = var.postgresql.address
  allowed_cidrs          = var.postgresql.allowed_cidrs
  synchronous            = var.postgresql.synchronous
  backup                 = var.postgresql.backup
  rds                    = var.postgresql.rds
  recovery               = var.recovery
  rebuilt_from           = var.rebuilt_from
  image_id               = data.aws_ami.host.id
  key_name               = aws_key_pair.operator.key_name
  user                   = var.ssh_user
  secret_recovery_days   = var.emulated ? 0 : 30
}

module "emr" {
  source = "../../layers/emr"

  environment             = var.environment
  region                  = var.region
  account_id              = var.account_id
  baseline                = local.baseline
  network                 = local.network
  dns_zone                = local.dns_zone
  release                 = var.emr.release
  active                  = var.emr.active
  clusters                = var.emr.clusters
  applications            = var.emr.applications
  primary_instance_type   = var.emr.primary_instance_type
  core_instance_type      = var.emr.core_instance_type
  core_count              = var.emr.core_count
  max_capacity            = var.emr.max_capacity
  in_transit_certificates = var.emr.in_transit_certificates
  termination_protection  = coalesce(var.emr.termination_protection, !var.emulated)
  key_name                = aws_key_pair.operator.key_name

  # The rules that EMR writes itself keep real groups from being deleted; the emulator
  # writes none and fails when asked to revoke them.
  revoke_rules_on_delete = !var.emulated
}

locals {
  # What the other layers need of the network.
  network = {
    id                        = module.vpc.id
    arn                       = module.vpc.arn
    cidr                      = module.vpc.cidr
    private_subnets           = module.vpc.private_subnets
    database_subnets          = module.vpc.database_subnets
    internet_gateway_id       = module.vpc.internet_gateway_id
    nat_addresses             = module.vpc.nat_addresses
    access                    = var.vpc.access
    bastion_security_group_id = module.vpc.bastion_security_group_id
    bastion_address           = module.vpc.bastion_address
  }

  dns_zone = {
    id   = module.vpc.zone_id
    name = module.vpc.zone_name
  }
}
