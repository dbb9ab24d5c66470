package inventory

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"gopkg.in/yaml.v3"

	"infra/internal/fault"
)

// FuzzInventory holds for any `hosts` and `group_vars` outputs that a state
// may carry, whoever wrote into the cloud: no panic, and either an inventory in
// which every string from the cloud is data and every host name an instance
// id, or an error that prints safely and says what to do.
// `go test -fuzz FuzzInventory ./internal/inventory`
func FuzzInventory(f *testing.F) {
	hosts, err := json.Marshal(sampleHosts())
	if err != nil {
		f.Fatal(err)
	}
	vars, err := json.Marshal(sampleVars())
	if err != nil {
		f.Fatal(err)
	}
	whole := func(hosts, vars []byte) { f.Add(hosts, vars, uint8(0), "") }
	whole(hosts, vars)
	whole(nil, []byte(`{}`))
	whole([]byte(`null`), []byte(`{"all": null, "a": {"b": {"c": [{"d": "{{ x }}"}]}}}`))
	whole([]byte(`[{"id":"{{ lookup('pipe','id') }}","name":"-x"}]`), []byte(`{"all":{"ansible_connection":"local"}}`))
	whole(hosts, []byte(`{"zookeeper":{"x":1e400,"y":-0,"z":18446744073709551616}}`))
	whole(hosts, []byte(`{"vpc_bastion":{"x":1},"zookeeper_server":{"y":"z"},"ungrouped":{"a":"b"}}`))
	for _, name := range []string{"hosts.json", "list.json"} { // real documents, of another shape
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		whole(text, text)
	}
	for place := range uint8(places) { // one string in an inventory that is fine
		for _, text := range []string{
			"i-0123456789abcdef0", "a", "{{ lookup('pipe','id') }}", "{% raw %}", "-oProxyCommand=id", "fe80::1%lo", "::ffff:10.20.0.11",
			"__ansible_unsafe", "ansible_host", "infra_environment", "all", "ungrouped", "\u0085 \n--- !unsafe 'a' # \t|\x00", "\u202e\x1b[2J", "\xff", "~", "0x1F", "vol-0123456789abcdef1",
		} {
			f.Add([]byte(nil), []byte(nil), place+1, text)
		}
	}
	f.Fuzz(func(t *testing.T, output, variables []byte, place uint8, text string) {
		hosts, groupVars := sampleHosts(), sampleVars()
		if place != 0 {
			plant(hosts, groupVars, int(place-1)%places, text)
		} else {
			var err error
			groupVars = nil
			if hosts, err = Decode(output); err != nil || json.Unmarshal(variables, &groupVars) != nil {
				return // whose text is that of the JSON decoder
			}
		}
		inv, err := New(hosts, groupVars, common())
		if err != nil {
			refused(t, err)
			return
		}
		safeYAML(t, inv)
		safeList(t, inv)
		var document struct{ Hosts json.RawMessage }
		if err := json.Unmarshal(inv.JSON(), &document); err != nil {
			t.Fatal(err)
		}
		again, err := Decode(document.Hosts)
		if err != nil {
			t.Fatal(err)
		}
		second, err := New(again, groupVars, common())
		if err != nil || !bytes.Equal(second.YAML(), inv.YAML()) {
			t.Errorf("what was accepted comes back different: %v\n%s\n%s", err, inv.YAML(), second.YAML())
		}
	})
}

// places are the strings of an inventory that somebody else writes.
const places = 13

// plant puts a string into one place of a sample.
func plant(hosts []Host, groupVars map[string]map[string]any, place int, text string) {
	h := &hosts[0]
	switch place {
	case 0:
		h.ID = text
	case 1:
		h.Name = text
	case 2:
		h.Layer = text
	case 3:
		h.Role = text
	case 4:
		h.Zone = text
	case 5:
		h.PrivateAddress = text
	case 6:
		h.PublicAddress = text
	case 7:
		h.Volumes = map[string]string{text: "vol-0123456789abcdef7"}
	case 8:
		h.Volumes = map[string]string{"data": text}
	case 9:
		groupVars[text] = map[string]any{"x": "y"}
	case 10:
		groupVars["zookeeper"][text] = text
	case 11:
		groupVars["zookeeper"]["nested"] = map[string]any{"list": []any{map[string]any{text: text}}}
	case 12:
		groupVars["zookeeper"]["value"] = []any{text, map[string]any{"of": text}}
	}
}

// refused is what holds for every error of New.
func refused(t *testing.T, err error) {
	t.Helper()
	if fault.CodeOf(err) != fault.Failed || fault.HintOf(err) == "" {
		t.Errorf("code %d, hint %q: %v", fault.CodeOf(err), fault.HintOf(err), err)
	}
	if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%q", err.Error())
	}
}

// safeYAML reads the inventory as YAML: it says what was put in, each string
// from the cloud is marked, each host is an instance id.
func safeYAML(t *testing.T, inv *Inventory) {
	t.Helper()
	var root struct {
		All struct {
			Vars     yaml.Node
			Children map[string]struct {
				Vars     yaml.Node
				Children map[string]struct{ Hosts map[string]yaml.Node }
			}
		}
	}
	if err := yaml.Unmarshal(inv.YAML(), &root); err != nil {
		t.Fatalf("%v\n%s", err, inv.YAML())
	}
	marked(t, &root.All.Vars, words(inv.allVars()))
	id := regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)
	found := 0
	for layer, group := range root.All.Children {
		marked(t, &group.Vars, words(inv.groupVars[layer]))
		for _, subgroup := range group.Children {
			for name, vars := range subgroup.Hosts {
				found++
				if !id.MatchString(name) {
					t.Errorf("the host %q is named by more than its id", name)
				}
				marked(t, &vars, nil)
			}
		}
	}
	if found != len(inv.hosts) {
		t.Errorf("%d hosts of %d are in the YAML", found, len(inv.hosts))
	}
}

// marked wants every string below a node to be data that Ansible never
// templates, and, when want is given, to be exactly those.
func marked(t *testing.T, node *yaml.Node, want map[string]int) {
	t.Helper()
	got := map[string]int{}
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		switch n.Kind {
		case yaml.MappingNode:
			for i := 1; i < len(n.Content); i += 2 {
				walk(n.Content[i])
			}
		case yaml.ScalarNode:
			switch n.Tag {
			case "!unsafe":
				got[n.Value]++
			case "!!str":
				t.Errorf("line %d: %q is not marked", n.Line, n.Value)
			}
		default:
			for _, each := range n.Content {
				walk(each)
			}
		}
	}
	walk(node)
	for text, n := range want {
		if got[text] != n {
			t.Errorf("%q is there %d times, want %d", text, got[text], n)
		}
	}
}

// words are the strings in a tree of values, with their number.
func words(value any) map[string]int {
	found := map[string]int{}
	var walk func(any)
	walk = func(value any) {
		switch v := value.(type) {
		case string:
			found[v]++
		case []any:
			for _, each := range v {
				walk(each)
			}
		case map[string]any:
			for _, each := range v {
				walk(each)
			}
		}
	}
	walk(value)
	return found
}

// safeList reads what Ansible gets for --list: no string stands bare in any
// variable.
func safeList(t *testing.T, inv *Inventory) {
	t.Helper()
	var list map[string]json.RawMessage
	if err := json.Unmarshal(inv.List(), &list); err != nil {
		t.Fatal(err)
	}
	var bare func(key string, value any)
	bare = func(key string, value any) {
		switch v := value.(type) {
		case string:
			if key != "__ansible_unsafe" {
				t.Errorf("%q: %q is not marked", key, v)
			}
		case []any:
			for _, each := range v {
				bare("", each)
			}
		case map[string]any:
			if _, mark := v["__ansible_unsafe"]; mark && len(v) > 1 {
				t.Errorf("a mark with company: %v", v)
			}
			for k, each := range v {
				bare(k, each)
			}
		}
	}
	for group, raw := range list {
		var content struct {
			Vars     map[string]any            `json:"vars"`
			Hostvars map[string]map[string]any `json:"hostvars"`
		}
		if err := json.Unmarshal(raw, &content); err != nil {
			t.Fatalf("%s: %v", group, err)
		}
		bare("", content.Vars)
		for _, vars := range content.Hostvars {
			bare("", vars)
		}
	}
}
