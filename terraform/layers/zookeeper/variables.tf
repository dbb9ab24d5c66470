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
  description = "What the product baseline offers: keys by purpose, the alert topic, the permission boundary and the policy of hosts."
  type = object({
    kms_key_arns            = map(string)
    alert_topic_arn         = string
    permission_boundary_arn = string
    host_policy_arn         = string
  })
}

variable "network" {
  description = "What the layer vpc offers: the network, its private subnets in the order of the zones, the way to hosts, and the bastion's group (null with access by SSM)."
  type = object({
    id                        = string
    private_subnets           = list(object({ id = string, zone = string, cidr = string }))
    access                    = string
    bastion_security_group_id = string
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
  description = "Groups, by a name of one's choice, whose members are clients of the ensemble."
  type        = map(string)
}

variable "size" {
  description = "Servers in the ensemble."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7], var.size)
    error_message = "The ensemble's size must be 1, 3, 5 or 7: an odd number, so that a majority exists."
  }
}

variable "instance_type" {
  description = "Instance type of each server."
  type        = string
}

variable "data_volume_gb" {
  description = "GiB for snapshots."
  type        = number

  validation {
    condition     = var.data_volume_gb >= 1 && var.data_volume_gb <= 16384
    error_message = "data_volume_gb must be 1 to 16384."
  }
}

variable "log_volume_gb" {
  description = "GiB for the transaction log."
  type        = number

  validation {
    condition     = var.log_volume_gb >= 1 && var.log_volume_gb <= 16384
    error_message = "log_volume_gb must be 1 to 16384."
  }
}

variable "heap_mb" {
  description = "MiB of Java heap."
  type        = number

  validation {
    condition     = var.heap_mb >= 128 && var.heap_mb <= 65536
    error_message = "heap_mb must be 128 to 65536."
  }
}

variable "image_id" {
  description = "AMI of new servers."
  type        = string
}

variable "key_name" {
  description = "EC2 key pair of new servers."
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
