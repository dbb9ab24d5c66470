package inventory

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	const (
		bastion = `{"name":"bastion","layer":"vpc"}`
		first   = `{"name":"zookeeper-1","layer":"zookeeper"}`
		second  = `{"name":"zookeeper-2","layer":"zookeeper"}`
	)
	for name, c := range map[string]struct {
		outputs map[string]string
		known   bool
		hosts   []string
		heap    int
		err     string
	}{
		"nothing":                       {},
		"outputs of another product":    {outputs: map[string]string{"role_arn": `"arn"`, "zones": `["a"]`, "none": `null`}},
		"every layer tells of itself":   {map[string]string{"vpc": `{"id":"v","hosts":[` + bastion + `]}`, "zookeeper": `{"hosts":[` + first + `],"group_vars":{"heap":512}}`}, true, []string{"bastion", "zookeeper-1"}, 512, ""},
		"a layer without hosts":         {outputs: map[string]string{"vpc": `{"hosts":[]}`}, known: true},
		"a former state":                {map[string]string{"vpc": `{"id":"v"}`, "hosts": `[` + bastion + `,` + first + `]`, "group_vars": `{"zookeeper":{"heap":256}}`}, true, []string{"bastion", "zookeeper-1"}, 256, ""},
		"a former state without hosts":  {outputs: map[string]string{"hosts": `[]`, "group_vars": `{}`}, known: true},
		"one layer was applied since":   {map[string]string{"hosts": `[` + bastion + `,` + first + `]`, "group_vars": `{"zookeeper":{"heap":256}}`, "zookeeper": `{"hosts":[` + second + `],"group_vars":{"heap":512}}`}, true, []string{"zookeeper-2", "bastion"}, 512, ""},
		"hosts are not a list":          {outputs: map[string]string{"vpc": `{"hosts":"{{ x }}"}`}, err: "output vpc: the hosts output is not a list of hosts"},
		"former hosts are not a list":   {outputs: map[string]string{"hosts": `{}`}, err: "the hosts output is not a list of hosts"},
		"variables are not a map":       {outputs: map[string]string{"vpc": `{"hosts":[],"group_vars":[1]}`}, err: "the variables of group vpc are not a map"},
		"former variables are no map":   {outputs: map[string]string{"hosts": `[]`, "group_vars": `[1]`}, err: "the group_vars output is not a map of groups"},
		"a former group's are no map":   {outputs: map[string]string{"hosts": `[]`, "group_vars": `{"vpc":1}`}, err: "the variables of group vpc are not a map"},
		"hosts of a layer that is null": {outputs: map[string]string{"vpc": `{"hosts":null,"group_vars":null}`}, known: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outputs := map[string]json.RawMessage{}
			for output, value := range c.outputs {
				outputs[output] = json.RawMessage(value)
			}
			read, err := Read(outputs)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var hosts []string
			for _, h := range read.Hosts {
				hosts = append(hosts, h.Name)
			}
			vars, err := Variables[struct{ Heap int }](outputs, "zookeeper")
			if err != nil {
				t.Fatal(err)
			}
			if read.Known != c.known || !slices.Equal(hosts, c.hosts) || vars.Heap != c.heap {
				t.Errorf("known %t, hosts %v, heap %d; want %t, %v, %d", read.Known, hosts, vars.Heap, c.known, c.hosts, c.heap)
			}
		})
	}
	much := map[string]json.RawMessage{"vpc": json.RawMessage(`{"hosts":[],"group_vars":{"heap":"much"}}`)}
	if _, err := Variables[struct{ Heap int }](much, "vpc"); err == nil || !strings.Contains(err.Error(), "variables of group vpc") {
		t.Errorf("a variable of another type: %v", err)
	}
}

// Terraform leaves an output as it was when only some of what it is made of was
// selected: after `infra apply --layer` the hosts would be those from before.
func TestEveryOutputIsOfItsLayerAlone(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../terraform/products/pipeline/outputs.tf")
	if err != nil {
		t.Fatal(err)
	}
	outputs := regexp.MustCompile(`output "(\w+)" \{\n((?:  .*\n|\n)*)\}`).FindAllStringSubmatch(string(text), -1)
	if len(outputs) != strings.Count(string(text), "\noutput ") || len(outputs) == 0 {
		t.Fatalf("%d outputs are read", len(outputs))
	}
	for _, output := range outputs {
		name, of := output[1], map[string]bool{}
		for _, module := range regexp.MustCompile(`\bmodule\.(\w+)`).FindAllStringSubmatch(output[2], -1) {
			of[module[1]] = true
		}
		if len(of) != 1 || !of[name] {
			t.Errorf("output %s is made of the layers %v", name, sortedKeys(of))
		}
	}
}
