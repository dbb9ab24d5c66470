output "hosts" {
  description = "Every host of the product; the only source of Ansible's inventory. role is the one that the host was made for: after a failover the running system knows better."
  value       = concat(module.vpc.hosts, module.zookeeper.hosts, module.postgresql.hosts)
}

output "group_vars" {
  description = "Ansible variables by inventory group."
  value = {
    all = {
      infra_environment = var.environment
      infra_region      = var.region
    }
    zookeeper  = module.zookeeper.group_vars
    postgresql = module.postgresql.group_vars
  }
}

output "vpc" {
  description = "The network: id, cidr, private Route53 zone, and the bastion's public address (null with access by SSM)."
  value = {
    id              = module.vpc.id
    cidr            = module.vpc.cidr
    zone_id         = module.vpc.zone_id
    zone_name       = module.vpc.zone_name
    bastion_address = module.vpc.bastion_address
  }
}

output "zookeeper" {
  description = "connect is the connection string of ZooKeeper's clients."
  value       = { connect = module.zookeeper.connect }
}

output "postgresql" {
  description = "engine, the address that clients use, its allocation id (null unless elastic), the secret with the password, and the RDS identifier (null unless managed)."
  value       = module.postgresql.summary
}

output "emr" {
  description = "The active colour, the DNS name and SSM parameter that point to it, the S3 address below which clusters answer infra, and every cluster's id, primary node and what it was made as."
  value       = module.emr.summary
}
