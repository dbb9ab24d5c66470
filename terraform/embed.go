// Package terraform is the Terraform code as infra was built with it, for
// infra init: what a project needs, without tests and caches.
package terraform

import "embed"

// Tree is the code, with paths relative to this folder.
//
//go:embed products/*/*.tf products/*/README.md products/*/.terraform.lock.hcl
//go:embed layers/*/*.tf layers/*/README.md
var Tree embed.FS
