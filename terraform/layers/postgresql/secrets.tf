module "replication" {
  source = "../secret"
  count  = local.hosts

  name          = "${local.name}-replication"
  description   = "Replication and failover manager of PostgreSQL in ${var.environment}"
  username      = "repmgr"
  kms_key_arn   = var.baseline.kms_key_arns["data"]
  recovery_days = var.secret_recovery_days
}

# Apart from the other: no backup can be read without the passphrase that it was written
# with, so this one must survive every change of passwords, and the loss of the region where
# the backups do.
module "backup" {
  source = "../secret"
  count  = local.hosts

  name           = "${local.name}-backup"
  description    = "Passphrase of PostgreSQL's backups in ${var.environment}"
  username       = "pgbackrest"
  kms_key_arn    = var.baseline.kms_key_arns["data"]
  recovery_days  = var.secret_recovery_days
  replica_region = try(var.recovery.region, null)
}
