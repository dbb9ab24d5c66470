# The image of hosts, for an account in which no environment runs that infra could make it in: `infra image build ENV --packer`.
# The same playbook prepares it as without Packer.

packer {
  required_version = ">= 1.11.0"

  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
    ansible = {
      source  = "github.com/hashicorp/ansible"
      version = "~> 1.1"
    }
  }
}

variable "name" {
  description = "Name of the image."
  type        = string
}

variable "environment" {
  description = "Environment whose hosts it is for."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "base_owner" {
  description = "Account that publishes the image it is made of."
  type        = string
}

variable "base_name" {
  description = "Name of the image it is made of; the newest that matches."
  type        = string
}

variable "user" {
  description = "Account of the image that Ansible logs in as."
  type        = string
}

variable "upgrade" {
  description = "Install pending security updates."
  type        = bool
}

variable "ansible" {
  description = "Folder with playbooks, roles and collections."
  type        = string
}

variable "playbook_command" {
  description = "The ansible-playbook to run."
  type        = string
}

variable "tags" {
  description = "Tags of the image and its snapshot."
  type        = map(string)
}

source "amazon-ebs" "hosts" {
  region          = var.region
  ami_name        = var.name
  ami_description = "hosts of ${var.environment}"
  instance_type   = "t3.small"
  ssh_username    = var.user
  ebs_optimized   = true
  imds_support    = "v2.0"
  encrypt_boot    = true
  tags            = merge(var.tags, { base = "{{ .SourceAMIName }}" })
  snapshot_tags   = var.tags
  run_tags        = merge(var.tags, { Name = "infra-${var.environment}-image-builder", purpose = "image-builder" })

  # Nobody but this machine reaches the host while it exists.
  temporary_security_group_source_public_ip = true
  temporary_key_pair_type                   = "ed25519"

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  source_ami_filter {
    owners      = [var.base_owner]
    most_recent = true
    filters = {
      name                = var.base_name
      architecture        = "x86_64"
      root-device-type    = "ebs"
      virtualization-type = "hvm"
    }
  }
}

build {
  sources = ["source.amazon-ebs.hosts"]

  provisioner "shell" {
    inline = ["cloud-init status --wait"]
  }

  provisioner "ansible" {
    command       = var.playbook_command
    playbook_file = "${var.ansible}/playbooks/image.yml"
    groups        = ["guest"]
    user          = var.user
    use_proxy     = false

    ansible_env_vars = [
      "ANSIBLE_ROLES_PATH=${var.ansible}/roles",
      "ANSIBLE_COLLECTIONS_PATH=${var.ansible}/collections",
    ]
    extra_arguments = [
      "--extra-vars",
      jsonencode({
        infra_environment = var.environment
        infra_region      = var.region
        infra_name        = "image-builder"
        infra_role        = "guest"
        infra_number      = 1
        base_upgrade      = var.upgrade
      }),
    ]
  }
}
