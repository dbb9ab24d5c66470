package inventory

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"infra/internal/fault"
)

func sampleHosts() []Host {
	return []Host{
		{ID: "i-0aaaaaaaaaaaaaaa3", Name: "postgresql-witness", Layer: "postgresql", Role: "witness", Number: 3, PrivateAddress: "10.20.34.10", Zone: "eu-west-1c"},
		{ID: "i-0aaaaaaaaaaaaaaa1", Name: "postgresql-1", Layer: "postgresql", Role: "primary", Number: 1, PrivateAddress: "10.20.32.10", PublicAddress: "198.19.0.5", Zone: "eu-west-1a", Volumes: map[string]string{"data": "vol-0123456789abcdef0"}},
		{ID: "i-0bbbbbbbb", Name: "bastion", Layer: "vpc", Role: "bastion", Number: 1, PrivateAddress: "10.20.0.10", PublicAddress: "198.19.0.4", Zone: "eu-west-1a"},
		{ID: "i-0cccccccccccccc01", Name: "zookeeper-1", Layer: "zookeeper", Role: "server", Number: 1, PrivateAddress: "10.20.32.20", Zone: "eu-west-1a", Volumes: map[string]string{"log": "vol-0123456789abcde02", "data": "vol-0123456789abcde01"}},
	}
}

func sampleVars() map[string]map[string]any {
	return map[string]map[string]any{
		"all":       {"infra_environment": "prod", "infra_region": "eu-west-1", "base_dns_zone": "prod.internal", "base_log_group": "/infra/prod"},
		"zookeeper": {"zookeeper_heap_mb": 512, "zookeeper_members": []any{map[string]any{"number": 1.0, "address": "10.20.32.20"}}, "zookeeper_ratio": 0.5},
		"postgresql": {
			"postgresql_allowed_cidrs": []string{"10.20.0.0/16"}, "postgresql_fenced": false, "postgresql_rds": nil,
			"postgresql_trap": "{{ lookup('pipe', 'touch /tmp/pwned') }}",
		},
	}
}

func common() Common { return Common{Environment: "prod", Region: "eu-west-1", User: "admin"} }

func sample(t *testing.T) *Inventory {
	t.Helper()
	inv, err := New(sampleHosts(), sampleVars(), common())
	if err != nil {
		t.Fatal(err)
	}
	return inv
}

func TestDecode(t *testing.T) {
	hosts, err := Decode([]byte(`[{"id":"i-0123456789abcdef0","name":"zookeeper-1","layer":"zookeeper","role":"server","number":1,
		"private_address":"10.0.0.1","public_address":null,"zone":"eu-west-1a","volumes":{"data":"vol-1"},"later":{}}]`))
	if err != nil || len(hosts) != 1 || hosts[0].PublicAddress != "" || hosts[0].Volumes["data"] != "vol-1" {
		t.Fatalf("got %+v, %v", hosts, err)
	}
	if hosts, err := Decode(nil); err != nil || hosts != nil {
		t.Errorf("no output: got %v, %v", hosts, err)
	}
	for _, bad := range []string{`{"id":"x"}`, `[{"number":"1"}]`, `[`} {
		if _, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func([]Host, map[string]map[string]any) []Host
		want   string
	}{
		{"template in the id", set(func(h *Host) { h.ID = "{{ lookup('pipe','id') }}" }), "instance id"},
		{"id with an option", set(func(h *Host) { h.ID = "-oProxyCommand=id" }), "instance id"},
		{"id with a newline", set(func(h *Host) { h.ID = "i-0123456789abcdef0\n" }), "instance id"},
		{"template in the name", set(func(h *Host) { h.Name = "{{ 1+1 }}" }), "name"},
		{"name with a dash first", set(func(h *Host) { h.Name = "-x" }), "name"},
		{"no name", set(func(h *Host) { h.Name = "" }), "name"},
		{"layer", set(func(h *Host) { h.Layer = "Zoo keeper" }), "layer"},
		{"role", set(func(h *Host) { h.Role = "a-b" }), "role"},
		{"zone", set(func(h *Host) { h.Zone = "eu-west-1a;id" }), "zone"},
		{"number", set(func(h *Host) { h.Number = 0 }), "number 0"},
		{"address", set(func(h *Host) { h.PrivateAddress = "10.0.0.256" }), "not an IP address"},
		{"address with a zone", set(func(h *Host) { h.PrivateAddress = "fe80::1%lo" }), "not an IP address"},
		{"loopback", set(func(h *Host) { h.PrivateAddress = "127.0.0.1" }), "cannot be the address"},
		{"metadata service", set(func(h *Host) { h.PublicAddress = "169.254.169.254" }), "cannot be the address"},
		{"volume", set(func(h *Host) { h.Volumes = map[string]string{"data": "../../dev/sda"} }), "volume id"},
		{"purpose", set(func(h *Host) { h.Volumes = map[string]string{"Data!": "vol-0123456789abcdef0"} }), "volume purpose"},
		{"same id", set(func(h *Host) { h.ID = "i-0bbbbbbbb" }), "instance id i-0bbbbbbbb belongs to both"},
		{"same name", set(func(h *Host) { h.Name = "bastion" }), "name bastion"},
		{"same address, written otherwise", set(func(h *Host) { h.PrivateAddress = "::ffff:10.20.0.10" }), "private address 10.20.0.10"},
		{"same number", set(func(h *Host) { h.Number = 1 }), "number 1 in layer postgresql"},
		{"same volume", set(func(h *Host) { h.Volumes = map[string]string{"data": "vol-0123456789abcdef0"} }), "volume vol-0123456789abcdef0"},
		{"group", vars("all:children", "x", 1), "group \"all:children\""},
		{"variable", vars("all", "bad-name", 1), "bad-name"},
		{"connection variable", vars("zookeeper", "ansible_connection", "local"), "ansible_connection"},
		{"state of another environment", vars("all", "infra_environment", "staging"), "infra_environment"},
		{"own variable", vars("zookeeper", "infra_role", "x"), "infra_role"},
		{"nested key", vars("all", "x", map[string]any{"{{ a }}": 1}), "key"},
		{"forged mark", vars("all", "x", map[string]any{"__ansible_vault": "x"}), "key"},
		{"terminal control", vars("all", "x", []any{"a\x1b[2J"}), "control character U+001B"},
		{"bidi control", vars("all", "x", "a\u202eb"), "control character U+202E"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			groupVars := sampleVars()
			hosts := test.change(sampleHosts(), groupVars)
			_, err := New(hosts, groupVars, common())
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("got %v, want an error with %q", err, test.want)
			}
			if fault.HintOf(err) == "" {
				t.Error("no hint")
			}
			if strings.ContainsAny(err.Error(), "\x1b\n\u202e") {
				t.Errorf("error text carries a control character: %q", err)
			}
		})
	}
}

func set(change func(*Host)) func([]Host, map[string]map[string]any) []Host {
	return func(hosts []Host, _ map[string]map[string]any) []Host {
		change(&hosts[0])
		return hosts
	}
}

func vars(group, name string, value any) func([]Host, map[string]map[string]any) []Host {
	return func(hosts []Host, groupVars map[string]map[string]any) []Host {
		if groupVars[group] == nil {
			groupVars[group] = map[string]any{}
		}
		groupVars[group][name] = value
		return hosts
	}
}

func TestFind(t *testing.T) {
	inv := sample(t)
	for _, key := range []string{"postgresql-1", "i-0aaaaaaaaaaaaaaa1", "10.20.32.10"} {
		if h, err := inv.Find(key); err != nil || h.Name != "postgresql-1" {
			t.Errorf("Find(%q) = %v, %v", key, h.Name, err)
		}
	}
	_, err := inv.Find("postgres-1")
	if fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "postgresql-1, postgresql-witness, bastion, zookeeper-1") {
		t.Errorf("got %v", err)
	}
	if b, ok := inv.Bastion(); !ok || b.ID != "i-0bbbbbbbb" {
		t.Errorf("bastion: %v %v", b, ok)
	}
	if got := inv.Layer("postgresql"); len(got) != 2 || got[1].Role != "witness" {
		t.Errorf("layer: %v", got)
	}
}

// TestStringsAreData walks both inventories: no string value is left that
// Ansible would treat as a template.
func TestStringsAreData(t *testing.T) {
	inv := sample(t)
	var root yaml.Node
	if err := yaml.Unmarshal(inv.YAML(), &root); err != nil {
		t.Fatal(err)
	}
	var walk func(n *yaml.Node)
	marked := 0
	walk = func(n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 1; i < len(n.Content); i += 2 {
				walk(n.Content[i])
			}
		case yaml.ScalarNode:
			switch n.Tag {
			case "!unsafe":
				marked++
			case "!!str":
				t.Errorf("line %d: %q is not marked", n.Line, n.Value)
			}
		default:
			for _, c := range n.Content {
				walk(c)
			}
		}
	}
	walk(&root)
	if marked < 30 {
		t.Errorf("only %d strings are marked", marked)
	}

	var list map[string]any
	if err := json.Unmarshal(inv.List(), &list); err != nil {
		t.Fatal(err)
	}
	var bare func(path string, v any)
	bare = func(path string, v any) {
		switch v := v.(type) {
		case string:
			if !strings.HasSuffix(path, "/__ansible_unsafe") {
				t.Errorf("%s: %q is not marked", path, v)
			}
		case []any:
			for _, e := range v {
				bare(path, e)
			}
		case map[string]any:
			for k, e := range v {
				bare(path+"/"+k, e)
			}
		}
	}
	bare("hostvars", list["_meta"])
	for group, v := range list {
		if m, ok := v.(map[string]any); ok && group != "_meta" {
			bare(group, m["vars"])
		}
	}
}

func TestGolden(t *testing.T) {
	inv := sample(t)
	var table bytes.Buffer
	if err := inv.Text(&table); err != nil {
		t.Fatal(err)
	}
	host, err := inv.Host("i-0cccccccccccccc01")
	if err != nil {
		t.Fatal(err)
	}
	for file, got := range map[string][]byte{
		"inventory.yaml": inv.YAML(), "list.json": inv.List(), "host.json": host, "hosts.json": inv.JSON(), "hosts.txt": table.Bytes(),
	} {
		path := "testdata/" + file
		if os.Getenv("UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, got, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs; got:\n%s", path, got)
		}
		if !bytes.Equal(sample(t).YAML(), inv.YAML()) {
			t.Error("two inventories of the same hosts differ")
		}
	}
}

func TestEmpty(t *testing.T) {
	inv, err := New(nil, map[string]map[string]any{"postgresql": {"postgresql_engine": "rds"}}, common())
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := inv.Text(&out); err != nil || out.String() != "environment prod has no hosts\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
	if !bytes.Contains(inv.JSON(), []byte(`"hosts": []`)) {
		t.Errorf("got %s", inv.JSON())
	}
	if !bytes.Contains(inv.YAML(), []byte(`postgresql_engine: !unsafe "rds"`)) {
		t.Errorf("got %s", inv.YAML())
	}
}
