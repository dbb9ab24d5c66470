# A PostgreSQL cluster of hosts (hosts.tf): a primary, its standbys and a witness over three
# zones, with an address that follows the primary (endpoint.tf); or the managed service in
# its place (rds.tf). Both stand in the database subnets, behind the same security group.
locals {
  name    = "infra-${var.environment}-postgresql"
  cluster = "${var.environment}-postgresql"
  port    = 5432

  managed = var.engine == "rds"
  # The partition and account of the environment, as its own policies name them.
  partition  = split(":", var.baseline.permission_boundary_arn)[1]
  account_id = split(":", var.baseline.permission_boundary_arn)[4]
}
