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

variable "cidr" {
  description = "The network's private range, /16 to /20."
  type        = string

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrhost(var.cidr, 0) == split("/", var.cidr)[0], false)
    error_message = "The range must be an IPv4 network such as 10.20.0.0/16, without bits beyond its prefix."
  }
  validation {
    condition     = try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "The range must be a /16 to /20."
  }
  validation {
    condition     = can(regex("^(10\\.|192\\.168\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|100\\.(6[4-9]|[7-9][0-9]|1[01][0-9]|12[0-7])\\.)", var.cidr))
    error_message = "The range must be private (RFC 1918 or 100.64.0.0/10)."
  }
}

variable "zones" {
  description = "Letters of the three availability zones."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "Three different zones are needed."
  }
  validation {
    condition     = alltrue([for zone in var.zones : can(regex("^[a-z]$", zone))])
    error_message = "A zone is named by its letter, such as a."
  }
}

variable "nat" {
  description = "Gateways for private hosts: none, single, or per_zone."
  type        = string

  validation {
    condition     = contains(["none", "single", "per_zone"], var.nat)
    error_message = "nat must be none, single or per_zone."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached inside the network, such as kms."
  type        = list(string)

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z][a-z0-9.-]*$", service))])
    error_message = "An interface endpoint is named by its service, such as kms."
  }
  validation {
    condition     = !contains(var.interface_endpoints, "s3")
    error_message = "S3 has a gateway endpoint already."
  }
}

variable "flow_log_retention_days" {
  description = "Days that flow logs are kept."
  type        = number

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.flow_log_retention_days)
    error_message = "flow_log_retention_days must be a number of days that CloudWatch Logs knows, such as 365."
  }
}

variable "access" {
  description = "The way to private hosts: bastion or ssm."
  type        = string

  validation {
    condition     = contains(["bastion", "ssm"], var.access)
    error_message = "access must be bastion or ssm."
  }
}

variable "bastion_instance_type" {
  description = "Instance type of the bastion."
  type        = string
}

variable "bastion_allowed_cidrs" {
  description = "Networks that may reach the bastion's SSH port."
  type        = list(string)

  validation {
    condition     = alltrue([for cidr in var.bastion_allowed_cidrs : can(cidrnetmask(cidr)) && !endswith(cidr, "/0")])
    error_message = "bastion_allowed_cidrs must be IPv4 networks and never the whole internet."
  }
  validation {
    condition     = var.access != "bastion" || length(var.bastion_allowed_cidrs) > 0
    error_message = "A bastion that no network may reach is of no use: name at least one in bastion_allowed_cidrs."
  }
}

variable "zone_name" {
  description = "Name of the private DNS zone; empty means <environment>.internal."
  type        = string

  validation {
    condition     = var.zone_name == "" || can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$", var.zone_name))
    error_message = "zone_name must be a domain such as data.example.internal."
  }
}

variable "image_id" {
  description = "AMI of a new bastion."
  type        = string
}

variable "key_name" {
  description = "EC2 key pair of a new bastion."
  type        = string
}

variable "user" {
  description = "Account that gets the key on new hosts."
  type        = string
}
