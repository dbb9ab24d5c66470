# The image of hosts, where no environment was applied that infra could make it in: `infra image build ENV --packer`.
# The same playbook prepares it as without Packer. The host stands in the region's default VPC.

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

variable "endpoint" {
  description = "Address of the AWS API of an emulator; empty for that of AWS."
  type        = string
}

variable "base" {
  description = "Id of the image it is made of."
  type        = string
}

variable "root_device" {
  description = "Name of that image's root device."
  type        = string
}

variable "root_gb" {
  description = "Size of that device."
  type        = number
}

variable "user" {
  description = "Account of the image that Ansible logs in as."
  type        = string
}

variable "allowed_cidrs" {
  description = "Networks that may reach the host's SSH; none: this machine's public address."
  type        = list(string)
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

variable "manifest" {
  description = "File that is to say which image it became."
  type        = string
}

variable "tags" {
  description = "Tags of the image and its snapshot."
  type        = map(string)
}

variable "builder_tags" {
  description = "Tags of the host that the image is made of, and of what Packer makes for it."
  type        = map(string)
}

source "amazon-ebs" "hosts" {
  region              = var.region
  custom_endpoint_ec2 = var.endpoint
  ami_name            = var.name
  ami_description     = "hosts of ${var.environment}"
  source_ami          = var.base
  instance_type       = "t3.small"
  ebs_optimized       = true
  imds_support        = "v2.0"
  tags                = var.tags
  snapshot_tags       = var.tags
  run_tags            = var.builder_tags
  run_volume_tags     = var.builder_tags

  # Nobody else reaches the host while it exists.
  ssh_username                              = var.user
  temporary_key_pair_type                   = "ed25519"
  temporary_security_group_source_cidrs     = var.allowed_cidrs
  temporary_security_group_source_public_ip = length(var.allowed_cidrs) == 0

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  # Encrypted from the start, so that the image need not be copied to be.
  launch_block_device_mappings {
    device_name           = var.root_device
    volume_type           = "gp3"
    volume_size           = var.root_gb
    encrypted             = true
    delete_on_termination = true
  }
}

build {
  sources = ["source.amazon-ebs.hosts"]

  provisioner "shell" {
    inline = ["cloud-init status --wait"]
  }

  provisioner "ansible" {
    command            = var.playbook_command
    playbook_file      = "${var.ansible}/playbooks/image.yml"
    groups             = ["guest"]
    user               = var.user
    use_proxy          = false
    skip_version_check = true # infra brings its own Ansible

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

  post-processor "manifest" {
    output     = var.manifest
    strip_path = true
  }
}
