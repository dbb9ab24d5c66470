package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"infra/internal/run"
)

// The accounts of the tests' customers.
const (
	alphaAccount = "555555555555"
	betaAccount  = "666666666666"
)

// customer writes the environment of a customer in an account of its own, by
// infra itself.
func (c *cloud) customer(t *testing.T, name, account, network string) {
	t.Helper()
	c.write(t, "environments/customers.yaml", fmt.Sprintf("extends: base\nemulated: true\nendpoint: %s\nproducts:\n  pipeline:\n    postgresql: {standbys: 1}\n    emr: {core_count: 1, max_capacity: 4, termination_protection: false}\n  baseline: {account_hardening: false}\n", c.endpoint))
	c.run(t, 0, "env", "new", name, "--from", "customers", "--account", account, "--region", "eu-west-1", "--cidr", network,
		"--role", "arn:aws:iam::"+account+":role/infra-apply")
}

// tinyPlatform puts code without a provider in the place of both products:
// what an installation does beside AWS resources.
func (c *cloud) tinyPlatform(t *testing.T) {
	t.Helper()
	c.tiny(t, "resource \"terraform_data\" \"a\" { input = var.baseline.log_retention_days }\noutput \"backup_bucket\" { value = \"infra-backup-${var.environment}-${var.account_id}\" }\n")
	root := filepath.Join(c.project, "terraform", "products", "pipeline")
	if err := os.RemoveAll(root); err != nil {
		t.Fatal(err)
	}
	c.write(t, "terraform/products/pipeline/main.tf", "terraform {\n  backend \"s3\" {}\n}\n\nresource \"terraform_data\" \"b\" {}\n"+
		"output \"hosts\" { value = [] }\noutput \"group_vars\" { value = {} }\noutput \"vpc\" { value = { id = \"\", cidr = \"10.60.0.0/20\" } }\n")
}

// storeOf is the lease and ledger of a customer.
func (c *cloud) storeOf(t *testing.T, name, account string) *run.Store {
	t.Helper()
	return run.NewStore(c.s3Of(t, account), "infra-state-"+account+"-eu-west-1", account, name)
}
