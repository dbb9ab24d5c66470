package main

import (
	"encoding/json"
	"strings"
	"testing"

	"infra/internal/topology"
)

// TestGraph draws a platform from its state in S3; its servers do not exist,
// so that a picture which asks them says what it could not know.
func TestGraph(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tinyPlatform(t)
	_, said := c.run(t, 1, "graph", "cloud")
	if !strings.Contains(said, "infra apply cloud") && !strings.Contains(said, "infra bootstrap cloud") {
		t.Errorf("before the first apply it says %q", said)
	}
	c.write(t, "terraform/products/pipeline/main.tf", `terraform {
  backend "s3" {}
}

output "hosts" {
  value = [for n in [1, 2, 3] : {
    id = "i-0000000${n}", name = "zookeeper-${n}", layer = "zookeeper", role = "server", number = n
    private_address = "10.78.0.${n}", public_address = null, zone = "eu-west-1a", volumes = {}
  }]
}
output "group_vars" { value = {} }
output "vpc" { value = { id = "", cidr = "10.78.0.0/16", zone_name = "cloud.internal", bastion_address = null } }
output "zookeeper" { value = { connect = "zookeeper-1.cloud.internal:2181" } }
`)
	c.run(t, 5, "apply", "cloud", "--auto-approve") // there are no hosts to configure
	for format, want := range map[string]string{
		"svg": "prefers-color-scheme: dark", "html": `<td class="literal">zookeeper-2</td>`, "mermaid": "subgraph z0[\"eu-west-1a\"]", "dot": "digraph \"cloud\"",
	} {
		out, _ := c.run(t, 0, "graph", "cloud", "--format", format)
		if !strings.Contains(out, want) || !strings.Contains(out, "zookeeper-3") || !strings.Contains(out, "From the states alone") {
			t.Errorf("--format %s prints\n%s", format, out)
		}
	}
	document := func(more ...string) (m topology.Map) {
		out, _ := c.run(t, 0, append([]string{"graph", "cloud", "--output", "json"}, more...)...)
		if err := json.Unmarshal([]byte(out), &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := document(); m.Schema != topology.Schema || m.Probed || len(m.Things()) != 3 {
		t.Errorf("%+v", m)
	}
	if m := document("--probe"); !m.Probed || len(m.Unknown) != 3 || m.Things()[0].Problem == "" {
		t.Errorf("after asking servers that are not there: %+v", m)
	}
}
