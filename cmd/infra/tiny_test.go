package main

import (
	"os"
	"path/filepath"
	"testing"
)

// tinyRoot is a product without a provider: Terraform plans and applies it in
// a second. It declares what infra passes and has one thing of its own.
const tinyRoot = `terraform {
  backend "s3" {}
}

variable "environment" { type = string }
variable "account_id" { type = string }
variable "region" { type = string }
variable "tags" { type = map(string) }
variable "emulated" { type = bool }
variable "role" { type = any }
variable "baseline" { type = any }
variable "state_bucket" { type = string }
variable "recovery" { type = any }
variable "notify_topic_arn" { type = string }

`

// tiny puts other code in the place of the baseline product: tinyRoot with
// what is given.
func (c *cloud) tiny(t *testing.T, code string) {
	t.Helper()
	root := filepath.Join(c.project, "terraform", "products", "baseline")
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	c.write(t, "terraform/products/baseline/main.tf", tinyRoot+code)
}

// applyTiny are the arguments that apply it, and planTiny those that plan it.
func applyTiny(more ...string) []string {
	return append([]string{"apply", "cloud", "--product", "baseline", "--auto-approve"}, more...)
}

func planTiny(more ...string) []string {
	return append([]string{"plan", "cloud", "--product", "baseline"}, more...)
}
