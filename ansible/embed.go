// Package ansible is the Ansible code as infra was built with it, for infra
// init: what a project needs, without tests and caches.
package ansible

import "embed"

// Tree is the code, with paths relative to this folder.
//
//go:embed README.md collections image playbooks
//go:embed roles/*/defaults roles/*/files roles/*/handlers roles/*/meta roles/*/tasks roles/*/templates roles/*/vars
//go:embed roles/*/files/*/__*__.py
var Tree embed.FS
