# An output a layer, and of that layer alone: Terraform writes an output only when everything that it is made of was selected,
# so each stays true when its layer alone is applied. hosts are the only source of Ansible's inventory, group_vars the variables
# of the layer's group. The role of a host is the one that it was made for: after a failover the running system knows better.

output "vpc" {
  description = "The network: id, cidr, private Route53 zone, the bastion's public address (null with access by SSM), and the bastion among hosts."
  value = {
    id              = module.vpc.id
    cidr            = module.vpc.cidr
    zone_id         = module.vpc.zone_id
    zone_name       = module.vpc.zone_name
    bastion_address = module.vpc.bastion_address
    hosts           = module.vpc.hosts
  }
}

output "zookeeper" {
  description = "The connection string of ZooKeeper's clients (connect), the servers (hosts) and Ansible's variables of theirs (group_vars)."
  value = {
    connect    = module.zookeeper.connect
    hosts      = module.zookeeper.hosts
    group_vars = module.zookeeper.group_vars
  }
}

output "postgresql" {
  description = "engine, the address that clients use, its allocation id (null unless elastic), the secret with the password, the RDS identifier (null unless managed), the nodes (hosts) and Ansible's variables of theirs (group_vars)."
  value = merge(module.postgresql.summary, {
    hosts      = module.postgresql.hosts
    group_vars = module.postgresql.group_vars
  })
}

output "emr" {
  description = "The active colour, the DNS name and SSM parameter that point to it, the S3 address below which clusters answer infra, and every cluster's id, primary node and what it was made as."
  value       = module.emr.summary
}
