variable "environment" {
  description = "Name of the environment; every name of the layer starts with infra-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.environment))
    error_message = "The environment's name must match ^[a-z][a-z0-9-]{1,30}$."
  }
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "baseline" {
  description = "What the product baseline offers: keys by purpose, the alert topic, the permission boundary, the policy of hosts, the backup bucket and the days that backups are kept."
  type = object({
    kms_key_arns            = map(string)
    alert_topic_arn         = string
    permission_boundary_arn = string
    host_policy_arn         = string
    backup_bucket           = string
    backup_retention_days   = optional(number, 3) # what a baseline of before this setting kept them for
  })
}

variable "network" {
  description = "What the layer vpc offers: the network, its database subnets in the order of the zones, the internet gateway, the public addresses of NAT by zone, the way to hosts, and the bastion's group and public address (null with access by SSM)."
  type = object({
    id                        = string
    arn                       = string
    cidr                      = string
    database_subnets          = list(object({ id = string, zone = string, cidr = string, route_table_id = string }))
    internet_gateway_id       = string
    nat_addresses             = map(string)
    access                    = string
    bastion_security_group_id = string
    bastion_address           = string
  })
}

variable "dns_zone" {
  description = "The private DNS zone. Apart from network, so that machines need not wait for it."
  type = object({
    id   = string
    name = string
  })
}

variable "client_security_groups" {
  description = "Groups, by a name of one's choice, whose members are clients of the database."
  type        = map(string)
}

variable "engine" {
  description = "postgresql: hosts with failover by repmgr; rds: the managed service in two zones."
  type        = string

  validation {
    condition     = contains(["postgresql", "rds"], var.engine)
    error_message = "engine must be postgresql or rds."
  }
}

variable "engine_version" {
  description = "Major version of PostgreSQL."
  type        = string

  validation {
    condition     = contains(["15", "16", "17"], var.engine_version)
    error_message = "The version must be 15, 16 or 17."
  }
}

variable "standbys" {
  description = "Hot standbys beside the primary; a witness is always added."
  type        = number

  validation {
    condition     = var.standbys >= 1 && var.standbys <= 5 && floor(var.standbys) == var.standbys
    error_message = "standbys must be a whole number from 1 to 5."
  }
}

variable "instance_type" {
  description = "Instance type of primary and standbys."
  type        = string
}

variable "witness_instance_type" {
  description = "Instance type of the witness, which holds no data."
  type        = string
}

variable "data_volume_gb" {
  description = "GiB of the data volume of primary and standbys."
  type        = number

  validation {
    condition     = var.data_volume_gb >= 1 && var.data_volume_gb <= 16384
    error_message = "data_volume_gb must be 1 to 16384."
  }
}

variable "address" {
  description = "What follows the primary at a failover: elastic, a public address; private, a name in the private DNS zone."
  type        = string

  validation {
    condition     = contains(["elastic", "private"], var.address)
    error_message = "address must be elastic or private."
  }
}

variable "allowed_cidrs" {
  description = "Networks besides the VPC that may connect to the database."
  type        = list(string)

  validation {
    condition     = alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr)) && !endswith(cidr, "/0")])
    error_message = "allowed_cidrs must be IPv4 networks and never the whole internet."
  }
}

variable "synchronous" {
  description = "Whether a commit waits until one standby has it. Needs two standbys: with one, its loss would stop all writes."
  type        = bool

  validation {
    condition     = !var.synchronous || var.standbys > 1
    error_message = "synchronous needs two standbys or more."
  }
}

variable "backup" {
  description = "When the hosts back up, as systemd's calendar events, and the size in GiB and the minutes above which a backup raises an alarm."
  type = object({
    full         = string
    differential = string
    warn_size_gb = number
    warn_minutes = number
  })

  validation {
    condition     = alltrue([for event in [var.backup.full, var.backup.differential] : can(regex("^[A-Za-z0-9*,.:/~ -]+$", event))])
    error_message = "backup.full and backup.differential must be calendar events of systemd, such as *-*-* 01:00:00."
  }
  validation {
    condition     = var.backup.warn_size_gb > 0 && var.backup.warn_minutes > 0
    error_message = "backup.warn_size_gb and backup.warn_minutes must be above 0."
  }
}

variable "recovery" {
  description = "Bucket in another region that gets a second copy of backups and WAL; null for none. infra makes it: what outlives the region is in no state of the region."
  type = object({
    region = string
    bucket = string
  })
  default = null

  validation {
    condition     = var.recovery == null || var.engine == "postgresql"
    error_message = "recovery is for engine postgresql: the managed service copies its own backups."
  }
  validation {
    condition     = try(var.recovery.region != var.region, true)
    error_message = "recovery.region must be another region than the environment's."
  }
}

variable "rebuilt_from" {
  description = "The bucket in this region that holds the copy of another environment's backups, from which this one was rebuilt; null for none."
  type = object({
    bucket = string
  })
  default = null
}

variable "rds" {
  description = "The managed service's instance class and storage in GiB; used when engine is rds."
  type = object({
    instance_class = string
    allocated_gb   = number
  })

  validation {
    condition     = startswith(var.rds.instance_class, "db.")
    error_message = "rds.instance_class must look like db.m6i.large."
  }
  validation {
    condition     = var.rds.allocated_gb >= 20 && var.rds.allocated_gb <= 65536
    error_message = "rds.allocated_gb must be 20 to 65536."
  }
}

variable "image_id" {
  description = "AMI of new hosts."
  type        = string
}

variable "key_name" {
  description = "EC2 key pair of new hosts."
  type        = string
}

variable "user" {
  description = "Account that gets the key on new hosts."
  type        = string
}

variable "secret_recovery_days" {
  description = "Days in which a deleted secret can be restored; 0 deletes it at once."
  type        = number
  default     = 30

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30)
    error_message = "secret_recovery_days must be 0, or 7 to 30."
  }
}

variable "deletion_protection" {
  description = "Whether the managed service refuses to be deleted, and leaves a last snapshot when it is. Hosts are protected by infra's own guard."
  type        = bool
  default     = true
}
