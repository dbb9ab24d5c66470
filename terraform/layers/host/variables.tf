variable "environment" {
  description = "Name of the environment; the host's name starts with infra-<environment>."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.environment))
    error_message = "The environment's name must match ^[a-z][a-z0-9-]{1,30}$."
  }
}

variable "region" {
  description = "AWS region; the host's way to Systems Manager and the name of its bucket."
  type        = string
}

variable "layer" {
  description = "Layer that the host belongs to, such as zookeeper."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*$", var.layer))
    error_message = "The layer must be a lower-case word."
  }
}

variable "name" {
  description = "Name of the host within the environment, such as zookeeper-1; its host name."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,62}$", var.name))
    error_message = "The name must be usable as a host name."
  }
}

variable "role" {
  description = "What the host is made for: bastion, server, primary, standby or witness. The running system may change it later."
  type        = string

  validation {
    condition     = contains(["bastion", "server", "primary", "standby", "witness"], var.role)
    error_message = "The role must be bastion, server, primary, standby or witness."
  }
}

variable "number" {
  description = "Number of the host in its layer, from 1."
  type        = number

  validation {
    condition     = var.number >= 1 && floor(var.number) == var.number
    error_message = "The number must be a whole number from 1."
  }
}

variable "instance_type" {
  description = "EC2 instance type."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]*\\.[a-z0-9-]+$", var.instance_type))
    error_message = "The instance type must look like m6i.large."
  }
}

variable "image_id" {
  description = "AMI of a new host. A host that exists keeps its own."
  type        = string
}

variable "key_name" {
  description = "EC2 key pair of a new host. A host that exists keeps its own."
  type        = string
}

variable "user" {
  description = "Account that gets the key at first boot."
  type        = string

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]{0,31}$", var.user))
    error_message = "The user must be a Linux user name."
  }
}

variable "subnet" {
  description = "Subnet of the host: its id and availability zone."
  type = object({
    id   = string
    zone = string
  })
}

variable "dns_zone" {
  description = "Private DNS zone in which the host has its name."
  type = object({
    id   = string
    name = string
  })
}

variable "security_group_ids" {
  description = "Security groups of the host."
  type        = list(string)
}

variable "instance_profile" {
  description = "Name of the instance profile that gives the host its role."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts every volume of the host."
  type        = string
}

variable "alert_topic_arn" {
  description = "Topic that the host's alarms notify."
  type        = string
}

variable "private_ip" {
  description = "Fixed private address; null for any."
  type        = string
  default     = null
}

variable "root_volume_gb" {
  description = "Size of the root volume in GiB."
  type        = number
  default     = 20

  validation {
    condition     = var.root_volume_gb >= 8
    error_message = "The root volume needs at least 8 GiB."
  }
}

variable "volumes" {
  description = "Volumes besides the root, by purpose: device is the name given at attachment, size_gb the size in GiB, path where the system mounts it, for the alarms on it. They outlive the instance."
  type = map(object({
    device  = string
    size_gb = number
    path    = string
  }))
  default = {}

  validation {
    condition     = alltrue([for volume in values(var.volumes) : can(regex("^/dev/sd[f-p]$", volume.device))])
    error_message = "A device must be one of /dev/sdf to /dev/sdp."
  }
  validation {
    condition     = length(distinct([for volume in values(var.volumes) : volume.device])) == length(var.volumes)
    error_message = "Two volumes cannot have the same device."
  }
  validation {
    condition     = alltrue([for volume in values(var.volumes) : volume.size_gb >= 1 && volume.size_gb <= 16384])
    error_message = "A volume must have 1 to 16384 GiB."
  }
}

variable "systems_manager" {
  description = "Whether the agent of Systems Manager is installed at first boot, for access without a bastion."
  type        = bool
  default     = false
}

variable "tags" {
  description = "Further tags of the instance and its volumes."
  type        = map(string)
  default     = {}
}
