variable "environment" {
  description = "Name of the environment; every name that Terraform makes starts with infra-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.environment))
    error_message = "The environment's name must match ^[a-z][a-z0-9-]{1,30}$."
  }
}

variable "account_id" {
  description = "The only AWS account, 12 digits, that this state may touch."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "The account must be 12 digits."
  }
}

variable "region" {
  description = "AWS region of the environment, such as eu-west-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "The region must look like eu-west-1."
  }
}

variable "state_bucket" {
  description = "Bucket that holds the environment's states; baseline's outputs are read from it."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be a bucket name."
  }
}

variable "state_region" {
  description = "Region of the state bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.state_region))
    error_message = "state_region must look like eu-west-1."
  }
}

variable "ssh_public_key" {
  description = "The operator's public key, in OpenSSH's form, that new hosts accept at first boot."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+=*( .*)?$", var.ssh_public_key))
    error_message = "ssh_public_key must be one ssh-ed25519 or ssh-rsa key in OpenSSH's form: EC2 accepts no other."
  }
}

variable "ssh_user" {
  description = "Account that gets the key when a host first boots."
  type        = string

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]{0,31}$", var.ssh_user))
    error_message = "ssh_user must be a Linux user name."
  }
}

variable "image" {
  description = "The Debian 12 image of new hosts: the owner's account id and a name with wildcards; the newest that matches is taken. A host keeps the image it was made with."
  type = object({
    owner = string
    name  = string
  })

  validation {
    condition     = can(regex("^[0-9]{12}$", var.image.owner))
    error_message = "image.owner must be an account id of 12 digits: a name alone could match anybody's image."
  }
  validation {
    condition     = length(var.image.name) > 0
    error_message = "image.name must not be empty."
  }
}

# The values of the layers' settings are validated by the layers themselves.

variable "vpc" {
  description = "Settings of the layer vpc; see its variables."
  type = object({
    cidr                    = string
    zones                   = list(string)
    nat                     = string
    interface_endpoints     = list(string)
    flow_log_retention_days = number
    access                  = string
    bastion_instance_type   = string
    bastion_allowed_cidrs   = list(string)
    zone_name               = string
  })
}

variable "zookeeper" {
  description = "Settings of the layer zookeeper; see its variables."
  type = object({
    size           = number
    instance_type  = string
    data_volume_gb = number
    log_volume_gb  = number
    heap_mb        = number
  })
}

variable "postgresql" {
  description = "Settings of the layer postgresql; see its variables."
  type = object({
    engine                = string
    version               = string
    standbys              = number
    instance_type         = string
    witness_instance_type = string
    data_volume_gb        = number
    address               = string
    allowed_cidrs         = list(string)
    synchronous           = bool
    backup = object({
      full         = string
      differential = string
      warn_size_gb = number
      warn_minutes = number
    })
    rds = object({
      instance_class = string
      allocated_gb   = number
    })
  })
}

variable "recovery" {
  description = "Bucket in another region that gets a second copy of the database's backups; null for none."
  type = object({
    region = string
    bucket = string
  })
  default = null
}

variable "rebuilt_from" {
  description = "Bucket in this region with the copy of the environment that this one was rebuilt from; null for none."
  type = object({
    bucket = string
  })
  default = null
}

variable "emr" {
  description = "Settings of the layer emr; see its variables. termination_protection null means: everywhere but in the sandbox. in_transit_certificates is the S3 address of EMR's certificate archive, null for none."
  type = object({
    release                 = string
    active                  = string
    clusters                = list(string)
    applications            = list(string)
    primary_instance_type   = string
    core_instance_type      = string
    core_count              = number
    max_capacity            = number
    termination_protection  = optional(bool)
    in_transit_certificates = optional(string)
  })
}

variable "tags" {
  description = "Tags that every resource carries besides environment, product and managed_by."
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:") && !startswith(key, "infra:") && key != "infra-run" && length(key) <= 128])
    error_message = "Tag keys must not start with aws: or infra:, nor be infra-run, and have at most 128 characters."
  }
}

variable "role" {
  description = "Role that is assumed before anything is done in the account; null uses the caller's own credentials. external_id is empty where the role asks for none."
  type = object({
    arn         = string
    external_id = string
  })
  default = null

  validation {
    condition     = var.role == null || can(regex("^arn:aws[a-z-]*:iam::${var.account_id}:role/.+$", try(var.role.arn, "")))
    error_message = "The role must be one of the environment's own account."
  }
}

variable "emulated" {
  description = "Whether the AWS API is the sandbox's emulator: retries are few, buckets are addressed by path and emptied when destroyed, and what the emulator lacks is left out."
  type        = bool
  default     = false
}
