package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"infra/internal/doctor"
)

// examined runs doctor, and gives the findings by their check.
func (c *cloud) examined(t *testing.T, code int, name string) map[string]doctor.Finding {
	t.Helper()
	if os.Geteuid() != 0 {
		code = 1 // a sandbox needs root
	}
	out, _ := c.run(t, code, "doctor", name, "--output", "json")
	var doc doctor.Document
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != doctor.Schema || doc.Environment != name {
		t.Errorf("%+v", doc)
	}
	found := map[string]doctor.Finding{}
	for _, f := range doc.Findings {
		if f.State != doctor.OK && f.Mend == "" {
			t.Errorf("nothing mends %+v", f)
		}
		found[f.Check] = f
	}
	return found
}

// TestDoctor examines an environment before its first apply, after it, and
// where the account is another one or nobody answers.
func TestDoctor(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	states := func(found map[string]doctor.Finding, want map[string]doctor.State) {
		t.Helper()
		for check, state := range want {
			if found[check].State != state {
				t.Errorf("%s: %+v, want %s", check, found[check], state)
			}
		}
	}
	states(c.examined(t, 0, "cloud"), map[string]doctor.State{
		"sandbox: port": doctor.OK, "AWS credentials": doctor.OK, "AWS account": doctor.OK, "clock beside AWS": doctor.OK, "network": doctor.OK, "zones": doctor.OK,
		"state bucket": doctor.Warn, "way to the hosts": doctor.OK,
	})

	c.tinyPlatform(t)
	c.write(t, "terraform/products/pipeline/main.tf", `terraform {
  backend "s3" {}
}

output "hosts" { value = [] }
output "group_vars" { value = {} }
output "vpc" { value = { id = "", cidr = "10.78.0.0/16", zone_name = "cloud.internal", bastion_address = "127.0.0.2" } }
`)
	c.run(t, 0, "apply", "cloud", "--auto-approve")
	if found := c.examined(t, 1, "cloud"); found["state bucket"].State != doctor.OK || found["way to the hosts"].State != doctor.Fail || !strings.Contains(found["way to the hosts"].Detail, "127.0.0.2:22") {
		t.Errorf("of a bastion that does not answer: %+v", found)
	}

	c.write(t, "environments/other.yaml", "extends: cloud\naccount: \"444444444444\"\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.79.0.0/16\n")
	states(c.examined(t, 1, "other"), map[string]doctor.State{"AWS credentials": doctor.OK, "AWS account": doctor.Fail, "what is in it": doctor.Unknown})

	c.write(t, "environments/away.yaml", "extends: cloud\nendpoint: http://127.0.0.1:1\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.80.0.0/16\n")
	away := c.examined(t, 1, "away")
	states(away, map[string]doctor.State{"AWS credentials": doctor.Fail, "what is in it": doctor.Unknown, "clock beside AWS": doctor.Unknown})
	if mend := away["AWS credentials"].Mend; mend != "infra sandbox up --environment away" {
		t.Errorf("mended by %q", mend)
	}
}
