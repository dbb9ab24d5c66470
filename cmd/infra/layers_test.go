package main

import (
	"strings"
	"testing"
)

// TestOneLayerAlone applies one layer of a platform: what Ansible reads of it is
// what the file says now, also where no resource changes, and nothing of another
// layer is touched.
func TestOneLayerAlone(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	c.tinyPlatform(t)
	const layer = `variable "setting" { type = any }
resource "terraform_data" "this" { input = var.setting.data_volume_gb }
output "value" { value = { hosts = [], group_vars = { heap = var.setting.heap_mb, volume = terraform_data.this.output } } }
`
	c.write(t, "terraform/products/pipeline/zookeeper/main.tf", layer)
	c.write(t, "terraform/products/pipeline/postgresql/main.tf", strings.ReplaceAll(layer, "heap_mb", "standbys"))
	c.write(t, "terraform/products/pipeline/main.tf", `terraform {
  backend "s3" {}
}
variable "zookeeper" { type = any }
variable "postgresql" { type = any }
module "zookeeper" {
  source  = "./zookeeper"
  setting = var.zookeeper
}
module "postgresql" {
  source  = "./postgresql"
  setting = var.postgresql
}
output "zookeeper" { value = module.zookeeper.value }
output "postgresql" { value = module.postgresql.value }
`)
	settings := func(heap, volume, other string) {
		c.write(t, "environments/cloud.yaml", "extends: sandbox\nendpoint: "+c.endpoint+"\nproducts:\n  pipeline:\n    vpc: {cidr: 10.78.0.0/16}\n"+
			"    zookeeper: {heap_mb: "+heap+", data_volume_gb: "+volume+"}\n    postgresql: {data_volume_gb: "+other+"}\n")
	}
	told := func(layer string) string {
		out, _ := c.run(t, 0, "output", "cloud", layer, "--product", "pipeline", "--output", "json")
		return strings.Join(strings.Fields(out), "")
	}
	settings("256", "1", "1")
	c.run(t, 0, "apply", "cloud", "--auto-approve")
	before := told("postgresql")

	for _, step := range []struct{ name, heap, volume string }{{"a resource changes", "256", "2"}, {"only what Ansible reads changes", "300", "2"}} {
		settings(step.heap, step.volume, "2")
		c.run(t, 0, "apply", "cloud", "--layer", "zookeeper", "--auto-approve")
		if got, want := told("zookeeper"), `"heap":`+step.heap+`,"volume":`+step.volume; !strings.Contains(got, want) {
			t.Errorf("%s: it says %s, not %s", step.name, got, want)
		}
		if got := told("postgresql"); got != before {
			t.Errorf("%s: of the other layer it says %s, before %s", step.name, got, before)
		}
	}
	_, said := c.run(t, 2, "plan", "cloud")
	wantText(t, said, "1 to update")
}
