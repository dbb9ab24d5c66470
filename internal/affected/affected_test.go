package affected_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"infra/internal/affected"
	"infra/internal/environment"
	"infra/internal/fault"
)

// chains are three environments and their bases.
func chains() map[string][]string {
	return map[string][]string{
		"prod":    {"environments/prod.yaml", "environments/base.yaml"},
		"staging": {"environments/staging.yaml", "environments/prod.yaml", "environments/base.yaml"},
		"alone":   {"environments/alone.yaml"},
	}
}

// shipped is the code of this repository.
func shipped(t *testing.T, chains map[string][]string) *affected.Project {
	t.Helper()
	p, err := affected.Read(os.DirFS("../.."), chains)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func text(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestOf follows paths of the shipped code to what they concern.
func TestOf(t *testing.T) {
	t.Parallel()
	const (
		whole    = `[{"product":"baseline"},{"product":"pipeline"}]`
		baseline = `[{"product":"baseline"}]`
		pipeline = `[{"product":"pipeline"}]`
		all      = `["emr","postgresql","vpc","zookeeper"]`
	)
	layers := func(names ...string) string {
		return `[{"product":"pipeline","layers":["` + strings.Join(names, `","`) + `"]}]`
	}
	every := []string{"alone", "prod", "staging"}
	for name, c := range map[string]struct {
		paths         string
		environments  []string
		stacks, hosts string
	}{
		"nothing":                          {paths: ""},
		"the command and its tests":        {paths: "cmd/infra/main.go internal/cli/plan.go go.mod Makefile .ci/lint README.md .github/workflows/infra.yml"},
		"documentation":                    {paths: "terraform/layers/vpc/README.md ansible/README.md environments/README.md ansible/roles/base/README.md"},
		"the schema of environments":       {paths: "environments/schema.json"},
		"tests of Terraform and Ansible":   {paths: "terraform/layers/vpc/tests/vpc.tftest.hcl terraform/products/pipeline/tests/x.tf ansible/roles/zookeeper/tests/x.yml"},
		"an environment's own file":        {"environments/alone.yaml", []string{"alone"}, whole, all},
		"one that another extends":         {"environments/prod.yaml", []string{"prod", "staging"}, whole, all},
		"the base of both":                 {"environments/base.yaml", []string{"prod", "staging"}, whole, all},
		"a file that nobody extends":       {paths: "environments/other.yaml"},
		"a product's root":                 {"terraform/products/pipeline/hosts.tf", every, pipeline, `[]`},
		"its lock file":                    {"terraform/products/baseline/.terraform.lock.hcl", every, baseline, `[]`},
		"a layer":                          {"terraform/layers/emr/main.tf", every, layers("emr"), `[]`},
		"a file in a layer's folder":       {"terraform/layers/postgresql/templates/x.tftpl", every, layers("postgresql"), `[]`},
		"a module of three layers":         {"terraform/layers/host/main.tf", every, layers("postgresql", "vpc", "zookeeper"), `[]`},
		"a module of two layers":           {"terraform/layers/secret/variables.tf", every, layers("postgresql", "zookeeper"), `[]`},
		"a layer and the root":             {"terraform/layers/emr/main.tf terraform/products/pipeline/main.tf", every, pipeline, `[]`},
		"two layers":                       {"terraform/layers/emr/main.tf terraform/layers/vpc/main.tf", every, layers("emr", "vpc"), `[]`},
		"a module that nobody uses":        {paths: "terraform/layers/other/main.tf"},
		"a role of one layer":              {"ansible/roles/zookeeper/tasks/main.yml", every, `[]`, `["zookeeper"]`},
		"a role beside another":            {"ansible/roles/pgbackrest/defaults/main.yml", every, `[]`, `["postgresql"]`},
		"a role that roles use":            {"ansible/roles/volume/tasks/main.yml", every, `[]`, `["postgresql","zookeeper"]`},
		"a role of all hosts":              {"ansible/roles/base/templates/motd.j2", every, `[]`, all},
		"a role of no host that apply has": {paths: "ansible/roles/restore/tasks/main.yml ansible/playbooks/restore.yml"},
		"a playbook":                       {"ansible/playbooks/zookeeper.yml", every, `[]`, `["zookeeper"]`},
		"the playbook of all":              {"ansible/playbooks/site.yml", every, `[]`, all},
		"a module of Ansible":              {"ansible/collections/ansible_collections/infra/host/plugins/modules/host_info.py", every, `[]`, all},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := shipped(t, chains())
			paths := strings.Fields(c.paths)
			got := p.Of(paths)
			var names []string
			for _, e := range got {
				names = append(names, e.Name)
				if stacks := text(t, e.Stacks); stacks != c.stacks {
					t.Errorf("%s: stacks %s, want %s", e.Name, stacks, c.stacks)
				}
				if hosts := text(t, e.Hosts); hosts != c.hosts {
					t.Errorf("%s: hosts %s, want %s", e.Name, hosts, c.hosts)
				}
			}
			if !slices.Equal(names, c.environments) {
				t.Errorf("environments %v, want %v", names, c.environments)
			}
			// What belongs to an environment is what would concern it.
			for environment := range chains() {
				touches := slices.ContainsFunc(paths, func(path string) bool { return p.Touches(environment, path) })
				if touches != slices.Contains(c.environments, environment) {
					t.Errorf("Touches says %t of %s", touches, environment)
				}
			}
		})
	}
}

// TestShippedEnvironments reads the chains of the real files.
func TestShippedEnvironments(t *testing.T) {
	t.Parallel()
	all, err := environment.Chains("../..")
	if err != nil {
		t.Fatal(err)
	}
	chains := map[string][]string{}
	for name, chain := range all {
		chains[name] = chain.Files
	}
	names, err := environment.List("../..")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range shipped(t, chains).Of([]string{"environments/base.yaml", "terraform/layers/vpc/main.tf"}) {
		got = append(got, e.Name)
	}
	if !slices.Equal(got, names) {
		t.Errorf("%v are affected, there are %v", got, names)
	}
}

// tree is a small project, to which files are added.
func tree(files map[string]string) fstest.MapFS {
	all := fstest.MapFS{}
	for name, content := range map[string]string{
		"terraform/products/baseline/main.tf": "", "terraform/products/pipeline/main.tf": "",
		"ansible/playbooks/site.yml": "[]", "ansible/roles/base/tasks/main.yml": "[]", "ansible/roles/other/tasks/main.yml": "[]",
	} {
		all[name] = &fstest.MapFile{Data: []byte(content)}
	}
	for name, content := range files {
		all[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return all
}

// TestReferences reads references in all the forms in which they are written.
func TestReferences(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		files map[string]string
		path  string
		want  string
	}{
		"JSON": {map[string]string{
			"terraform/products/pipeline/more.tf.json": `{"module":{"vpc":{"source":"../../layers/net"}}}`,
			"terraform/layers/net/main.tf":             "",
		}, "terraform/layers/net/main.tf", `[{"product":"pipeline","layers":["vpc"]}]`},
		"through three folders": {map[string]string{
			"terraform/products/pipeline/main.tf": `module "vpc" { source = "../../layers/a" }`,
			"terraform/layers/a/main.tf":          `module "x" { source = "./inner" }`,
			"terraform/layers/a/inner/main.tf":    `module "y" { source = "../../b/" }`,
			"terraform/layers/b/main.tf":          "",
		}, "terraform/layers/b/main.tf", `[{"product":"pipeline","layers":["vpc"]}]`},
		"modules that use each other": {map[string]string{
			"terraform/products/pipeline/main.tf": `module "vpc" { source = "../../layers/a" }`,
			"terraform/layers/a/main.tf":          `module "x" { source = "../b" }`,
			"terraform/layers/b/main.tf":          `module "y" { source = "../a" }`,
		}, "terraform/layers/b/main.tf", `[{"product":"pipeline","layers":["vpc"]}]`},
		"of both products": {map[string]string{
			"terraform/products/baseline/main.tf": `module "keys" { source = "../../layers/a" }`,
			"terraform/products/pipeline/main.tf": `module "vpc" { source = "../../layers/a" }`,
			"terraform/layers/a/main.tf":          "",
		}, "terraform/layers/a/x.json", `[{"product":"baseline","layers":["keys"]},{"product":"pipeline","layers":["vpc"]}]`},
		"text that looks like one": {map[string]string{
			"terraform/products/pipeline/main.tf": "locals {\n  x = <<E\nmodule \"vpc\" { source = \"../../layers/a\" }\nE\n}\n# module \"vpc\" { source = \"../../layers/a\" }\n",
			"terraform/layers/a/main.tf":          "",
		}, "terraform/layers/a/main.tf", ""},
		"a registry's": {map[string]string{
			"terraform/products/pipeline/main.tf": `module "vpc" { source = "terraform-aws-modules/vpc/aws" }`,
		}, "terraform-aws-modules/vpc/aws/main.tf", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := affected.Read(tree(c.files), map[string][]string{"prod": nil})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if found := p.Of([]string{c.path}); len(found) > 0 {
				got = text(t, found[0].Stacks)
			}
			if got != c.want {
				t.Errorf("stacks %s, want %s", got, c.want)
			}
		})
	}
}

// TestRoles reads playbooks and roles in all the forms in which they are
// written.
func TestRoles(t *testing.T) {
	t.Parallel()
	const base = "ansible/roles/base/tasks/main.yml"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"by its name":       {map[string]string{"ansible/playbooks/site.yml": "- {hosts: emr, roles: [base]}"}, `["emr"]`},
		"by role":           {map[string]string{"ansible/playbooks/site.yml": "- {hosts: 'emr:vpc', roles: [{role: base}]}"}, `["emr","vpc"]`},
		"a pattern":         {map[string]string{"ansible/playbooks/site.yml": "- {hosts: 'emr:&x', roles: [base]}"}, `["emr","postgresql","vpc","zookeeper"]`},
		"by a task":         {map[string]string{"ansible/playbooks/site.yml": "- {hosts: emr, tasks: [{block: [{include_role: {name: base}}]}]}"}, `["emr"]`},
		"by a dependency":   {map[string]string{"ansible/playbooks/site.yml": "- {hosts: emr, roles: [other]}", "ansible/roles/other/meta/main.yml": "dependencies: [{role: base}]"}, `["emr"]`},
		"by a name unknown": {map[string]string{"ansible/playbooks/site.yml": "- {hosts: emr, roles: [other]}", "ansible/roles/other/tasks/main.yml": "- ansible.builtin.include_role: {name: '{{ x }}'}"}, `["emr"]`},
		"by a playbook":     {map[string]string{"ansible/playbooks/site.yml": "- import_playbook: more.yml", "ansible/playbooks/more.yml": "- {hosts: vpc, roles: [base]}"}, `["vpc"]`},
		"by none":           {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := affected.Read(tree(c.files), map[string][]string{"prod": nil})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if found := p.Of([]string{base}); len(found) > 0 {
				got = text(t, found[0].Hosts)
			}
			if got != c.want {
				t.Errorf("hosts %s, want %s", got, c.want)
			}
		})
	}
}

// TestUnreadable refuses what it cannot follow: a module that goes unnoticed
// would be a change that nobody plans.
func TestUnreadable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ file, content, says string }{
		"no HCL":                   {"terraform/products/pipeline/main.tf", "module {", "main.tf:1"},
		"a source that is no text": {"terraform/products/pipeline/main.tf", `module "x" { source = local.x }`, "main.tf:1"},
		"without a source":         {"terraform/products/pipeline/main.tf", `module "x" {}`, "source"},
		"a missing folder":         {"terraform/products/pipeline/main.tf", `module "x" { source = "../none" }`, "terraform/products/none"},
		"outside of the project":   {"terraform/products/pipeline/main.tf", `module "x" { source = "../../../../x" }`, "outside of the project"},
		"no YAML":                  {"ansible/playbooks/site.yml", "- {", "ansible/playbooks/site.yml"},
		"no playbook":              {"ansible/playbooks/site.yml", "a: b", "a list of plays"},
		"a circle":                 {"ansible/playbooks/site.yml", "- import_playbook: site.yml", "in a circle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := affected.Read(tree(map[string]string{c.file: c.content}), map[string][]string{"prod": nil})
			if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), c.says) || fault.HintOf(err) == "" {
				t.Errorf("%v (hint %q)", err, fault.HintOf(err))
			}
		})
	}
}
