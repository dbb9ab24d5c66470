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

variable "baseline" {
  description = <<-EOT
    Settings of the product: alert_emails get every alarm; backup_retention_days is how long backups are kept (what
    was deleted can be had back for that long and 7 days more); backup_object_lock (none, governance or compliance) keeps every
    version of a backup from being deleted for that long; log_retention_days is how long logs are kept; trail makes the
    audit trail (false where the organisation has one); ci is the pipeline that may assume the plan and apply roles, null
    for none; account_hardening sets the account-wide defaults (block public access, encrypt by default, IMDSv2), null
    meaning: everywhere but in the sandbox.
  EOT
  type = object({
    alert_emails          = list(string)
    backup_retention_days = number
    backup_object_lock    = optional(string, "none")
    log_retention_days    = number
    trail                 = bool
    ci = optional(object({
      provider   = string
      repository = string
      branch     = string
    }))
    account_hardening = optional(bool)
  })

  validation {
    condition     = alltrue([for email in var.baseline.alert_emails : can(regex("^[^@[:space:]]+@[^@[:space:]]+$", email))])
    error_message = "baseline.alert_emails must hold e-mail addresses."
  }
  validation {
    condition     = var.baseline.backup_retention_days >= 1 && var.baseline.backup_retention_days <= 3650 && floor(var.baseline.backup_retention_days) == var.baseline.backup_retention_days
    error_message = "baseline.backup_retention_days must be a whole number from 1 to 3650."
  }
  validation {
    condition     = contains(["none", "governance", "compliance"], var.baseline.backup_object_lock)
    error_message = "baseline.backup_object_lock must be none, governance or compliance."
  }
  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.baseline.log_retention_days)
    error_message = "baseline.log_retention_days must be a number of days that CloudWatch Logs knows, such as 365."
  }
  validation {
    condition     = var.baseline.ci == null || contains(["github", "gitlab"], try(var.baseline.ci.provider, ""))
    error_message = "baseline.ci.provider must be github or gitlab."
  }
  validation {
    condition     = var.baseline.ci == null || can(regex("^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$", try(var.baseline.ci.repository, "")))
    error_message = "baseline.ci.repository must look like organisation/repository."
  }
  validation {
    condition     = var.baseline.ci == null || can(regex("^[A-Za-z0-9][A-Za-z0-9_./-]*$", try(var.baseline.ci.branch, "")))
    error_message = "baseline.ci.branch must be the name of one branch, without wildcards."
  }
}

variable "state_bucket" {
  description = "Bucket that holds the environment's states, which the plan and apply roles may use; null means infra-state-<account>-<region>."
  type        = string
  default     = null

  validation {
    condition     = var.state_bucket == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.state_bucket))
    error_message = "state_bucket must be a bucket name."
  }
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

variable "recovery" {
  description = "Bucket in another region that gets a copy of the states after each run; null for none."
  type = object({
    region = string
    bucket = string
  })
  default = null
}

variable "notify_topic_arn" {
  description = "SNS topic that hears what a run or a look came to, also from the plan role; empty for none."
  type        = string
  default     = ""

  validation {
    condition     = var.notify_topic_arn == "" || can(regex("^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]+$", var.notify_topic_arn))
    error_message = "notify_topic_arn must be the ARN of an SNS topic."
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
