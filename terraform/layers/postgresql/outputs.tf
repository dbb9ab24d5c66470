output "hosts" {
  description = "Primary, standbys and witness, as the layer's output of the product lists them; none with the managed service."
  value       = local.host_list
}

output "summary" {
  description = "The database as the product's output postgresql tells it: endpoint_address is the elastic address, or the name that follows the primary, or the managed service's own."
  value = {
    engine                 = var.engine
    endpoint_address       = local.endpoint_address
    endpoint_allocation_id = one(aws_eip.endpoint[*].allocation_id)
    secret_arn             = local.managed ? one(aws_db_instance.this[*].master_user_secret[0].secret_arn) : one(module.replication[*].arn)
    rds_identifier         = one(aws_db_instance.this[*].identifier)
  }
}

output "security_group_id" {
  description = "Group of the database."
  value       = aws_security_group.this.id
}

output "group_vars" {
  description = "Ansible variables of the group postgresql; none with the managed service."
  value = merge({ for r in var.recovery[*] : "postgresql_recovery" => r if !local.managed }, { for name, value in {
    postgresql_version                = var.engine_version
    postgresql_cluster_name           = local.cluster
    postgresql_endpoint_address       = local.endpoint_address
    postgresql_endpoint_allocation_id = one(aws_eip.endpoint[*].allocation_id)
    postgresql_endpoint_name          = one(aws_route53_record.endpoint[*].name)
    postgresql_endpoint_zone_id       = var.dns_zone.id
    postgresql_secret_arn             = one(module.replication[*].arn)
    postgresql_backup_secret_arn      = one(module.backup[*].arn)
    postgresql_backup_bucket          = var.baseline.backup_bucket
    postgresql_synchronous            = var.synchronous
    postgresql_endpoint_clients       = local.elastic ? sort(values(merge(local.nat_clients, local.bastion))) : []
    postgresql_backup_retention_days  = var.baseline.backup_retention_days
    postgresql_backup_full            = var.backup.full
    postgresql_backup_differential    = var.backup.differential
    postgresql_allowed_cidrs          = concat([var.network.cidr], var.allowed_cidrs)
    postgresql_nodes = [for host in local.host_list : {
      number      = host.number
      name        = host.name
      address     = host.private_address
      zone        = host.zone
      role        = host.role
      instance_id = host.id
    }]
  } : name => value if !local.managed })
}

locals {
  host_list = [for key in concat(sort(keys(local.data_nodes)), keys(local.witness)) : module.node[key].host]
  endpoint_address = (
    local.managed ? one(aws_db_instance.this[*].address) :
    local.elastic ? one(aws_eip.endpoint[*].public_ip) :
    one(aws_route53_record.endpoint[*].name)
  )
}
