// Package environments is what a new project's environments begin with, for
// infra init: the base that all extend, the sandbox, and what explains them.
package environments

import "embed"

// Tree is the files, with paths relative to this folder.
//
//go:embed README.md base.yaml sandbox.yaml schema.json
var Tree embed.FS
