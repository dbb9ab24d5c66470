variable "name" {
  description = "Start of the secret's name; a unique end is added, because a deleted name is not free at once."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]{1,400}$", var.name))
    error_message = "The name may hold letters, digits and /_+=.@- only."
  }
}

variable "description" {
  description = "What the secret is for."
  type        = string
}

variable "username" {
  description = "Who the password belongs to. The secret is JSON: {\"username\", \"password\"}."
  type        = string

  validation {
    condition     = var.username != ""
    error_message = "The user's name must not be empty."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the secret."
  type        = string
}

variable "generation" {
  description = "A greater number has a new password written."
  type        = number
  default     = 1

  validation {
    condition     = var.generation >= 1 && floor(var.generation) == var.generation
    error_message = "The generation must be a whole number from 1."
  }
}

variable "recovery_days" {
  description = "Days in which a deleted secret can be restored; 0 deletes it at once."
  type        = number
  default     = 30

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0, or 7 to 30."
  }
}

variable "replica_region" {
  description = "Another region that gets a copy of the secret; null for none."
  type        = string
  default     = null
}
