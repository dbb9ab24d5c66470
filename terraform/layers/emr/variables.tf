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

variable "account_id" {
  description = "AWS account, 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "The account must be 12 digits."
  }
}

variable "baseline" {
  description = "What the product baseline offers: keys by purpose, the alert topic, the log bucket, the permission boundary and the policy of hosts."
  type = object({
    kms_key_arns            = map(string)
    alert_topic_arn         = string
    log_bucket              = string
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

variable "release" {
  description = "EMR release label."
  type        = string

  validation {
    condition     = can(regex("^emr-[0-9]+\\.[0-9]+\\.[0-9]+$", var.release))
    error_message = "The release must look like emr-7.13.0."
  }
  validation {
    condition     = try(tonumber(regex("^emr-([0-9]+)\\.", var.release)[0]) >= 7, false)
    error_message = "The release must be emr-7.0.0 or later: IMDSv2 and the metrics of the primary's memory need it."
  }
}

variable "active" {
  description = "The colour that jobs are sent to."
  type        = string

  validation {
    condition     = contains(var.clusters, var.active)
    error_message = "The active colour must be one of clusters."
  }
}

variable "clusters" {
  description = "The colours that exist; both while one replaces the other."
  type        = list(string)

  validation {
    condition     = length(var.clusters) >= 1 && alltrue([for colour in var.clusters : contains(["blue", "green"], colour)])
    error_message = "clusters must hold blue, green or both."
  }
  validation {
    condition     = length(distinct(var.clusters)) == length(var.clusters)
    error_message = "A colour can exist only once."
  }
}

variable "applications" {
  description = "Applications to install; the CloudWatch agent is always added."
  type        = list(string)

  validation {
    condition     = length(var.applications) > 0 && alltrue([for application in var.applications : can(regex("^[A-Za-z][A-Za-z0-9-]*$", application))])
    error_message = "applications must name at least one application, such as Spark."
  }
}

variable "primary_instance_type" {
  description = "Instance type of the primary node."
  type        = string
}

variable "core_instance_type" {
  description = "Instance type of core and task nodes."
  type        = string
}

variable "core_count" {
  description = "Core nodes at the start, and the fewest nodes that scaling may go down to."
  type        = number

  validation {
    condition     = var.core_count >= 1 && floor(var.core_count) == var.core_count
    error_message = "core_count must be a whole number from 1."
  }
}

variable "max_capacity" {
  description = "Nodes that scaling may go up to."
  type        = number

  validation {
    condition     = var.max_capacity >= var.core_count && floor(var.max_capacity) == var.max_capacity
    error_message = "max_capacity must be a whole number and at least core_count."
  }
}

variable "key_name" {
  description = "EC2 key pair of the nodes of a new cluster."
  type        = string
}

variable "in_transit_certificates" {
  description = "S3 address of the archive with the certificates that encrypt traffic between nodes (s3://bucket/path.zip); null leaves it to the network's isolation."
  type        = string
  default     = null

  validation {
    condition     = var.in_transit_certificates == null || can(regex("^s3://[a-z0-9][a-z0-9.-]+/.+\\.zip$", var.in_transit_certificates))
    error_message = "in_transit_certificates must look like s3://bucket/path.zip."
  }
}

variable "termination_protection" {
  description = "Whether EMR refuses to terminate the active cluster. The other colour is never protected."
  type        = bool
  default     = true
}

variable "revoke_rules_on_delete" {
  description = "Whether rules that EMR added to the groups itself are revoked when the groups are deleted; real groups cannot be deleted otherwise."
  type        = bool
  default     = true
}
