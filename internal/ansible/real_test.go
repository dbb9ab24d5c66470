package ansible

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// realAnsible is a playbook for the real Ansible on this machine alone: hosts of the
// inventory are only names.
func realAnsible(t *testing.T, hosts, plays string) Playbook {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", ".infra", "python", "ansible-[0-9a-f]*", "bin"))
	if err != nil || len(found) == 0 {
		t.Skip("Ansible is not installed: infra doctor --install")
	}
	bin, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	p := Playbook{
		Bin: bin, Project: dir, Dir: dir, File: filepath.Join(dir, "site.yml"), Inventory: filepath.Join(dir, "inventory.yml"),
		SSHConfig: os.DevNull, Environment: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C.UTF-8"},
		Name: func(host string) string { return "host " + host },
	}
	plays = strings.NewReplacer("$PYTHON", filepath.Join(bin, "python3"), "$DIR", dir).Replace(plays)
	put(t, p.Inventory, hosts)
	put(t, p.File, plays)
	return p
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// here makes a play run on this machine.
const here = `
  connection: local
  gather_facts: false
  become: false
  vars:
    ansible_python_interpreter: $PYTHON
`

// What somebody wrote into the cloud reaches Ansible as data: no template in
// it runs, and a task gets the very text.
func TestRow51CloudTextIsNeverATemplate(t *testing.T) {
	t.Parallel()
	p := realAnsible(t, "", `
- hosts: all`+here+`
  tasks:
    - ansible.builtin.copy:
        content: "{{ item }}\n"
        dest: "$DIR/{{ inventory_hostname }}-{{ index }}"
        mode: "0600"
      loop: "{{ [trap, nested.list[0].of, nested | string, infra_name] }}"
      loop_control: {index_var: index}
`)
	pwned := filepath.Join(p.Dir, "pwned")
	trap := "{{ lookup('pipe', 'touch " + pwned + "') }}{% for x in [1] %}" + "{{ cycler('a') }}{% endfor %}"
	inv, err := inventory.New([]inventory.Host{{
		ID: "i-0aaaaaaaaaaaaaaa1", Name: "zookeeper-1", Layer: "zookeeper", Role: "server", Number: 1, PrivateAddress: "10.20.32.20", Zone: "eu-west-1a",
	}}, map[string]map[string]any{
		"all":       {"trap": trap},
		"zookeeper": {"nested": map[string]any{"list": []any{map[string]any{"of": trap}}}},
	}, inventory.Common{Environment: "test", Region: "eu-west-1", User: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	put(t, p.Inventory, string(inv.YAML()))
	p.Expected = []string{"i-0aaaaaaaaaaaaaaa1"}
	res, err := p.Run(t.Context())
	if err != nil || len(res.Changes) == 0 {
		t.Fatalf("%v, %+v", err, res)
	}
	for i, want := range []string{trap + "\n", trap + "\n", "", "zookeeper-1\n"} {
		got, err := os.ReadFile(filepath.Join(p.Dir, fmt.Sprintf("i-0aaaaaaaaaaaaaaa1-%d", i)))
		if err != nil || want != "" && string(got) != want {
			t.Errorf("text %d arrived as %q, %v", i, got, err)
		}
	}
	if _, err := os.Stat(pwned); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a template of the cloud ran on the controller: %v", err)
	}
}

// Ansible calls it a success when there is nobody to do anything to; infra
// knows whom it expected.
func TestRow52NobodyIsNoSuccess(t *testing.T) {
	t.Parallel()
	const play = "- hosts: zookeeper" + here + "  tasks:\n    - ansible.builtin.command: {argv: ['true']}\n"
	for name, c := range map[string]struct{ hosts, want string }{
		"an empty group":   {"all: {children: {zookeeper: {}, other: {hosts: {i-2: {}}}}}\n", "host i-1: was never reached"},
		"another host":     {"all: {children: {zookeeper: {hosts: {i-2: {}}}}}\n", "host i-1: was never reached"},
		"no such group":    {"all: {hosts: {i-1: {}}}\n", "host i-1: was never reached"},
		"a broken file":    {"all: {hosts: [\n", ""},
		"not an inventory": {"- hosts: all\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := realAnsible(t, c.hosts, play)
			p.Expected = []string{"i-1"}
			_, err := p.Run(t.Context())
			if fault.CodeOf(err) != fault.Hosts || !strings.Contains(err.Error(), c.want) || fault.HintOf(err) == "" {
				t.Errorf("code %d: %v", fault.CodeOf(err), err)
			}
		})
	}
}

// The shipped play and the shipped task that restarts the servers of a quorum,
// with a module that fails on the second: the third is left alone.
func TestRow53QuorumStopsAtTheFirstFailure(t *testing.T) {
	t.Parallel()
	tree := filepath.Join("..", "..", "ansible")
	var plays []struct {
		Any bool `yaml:"any_errors_fatal"`
	}
	decode(t, filepath.Join(tree, "playbooks", "zookeeper.yml"), &plays)
	if len(plays) != 1 || !plays[0].Any {
		t.Fatalf("the play goes on with the others when one server has failed: %+v", plays)
	}
	var tasks []map[string]any
	decode(t, filepath.Join(tree, "roles", "zookeeper", "tasks", "start.yml"), &tasks)
	var restart []map[string]any
	for _, task := range tasks {
		if task["infra.host.zookeeper_restart"] != nil {
			restart = append(restart, task)
		}
	}
	if len(restart) != 1 {
		t.Fatalf("%d tasks restart servers", len(restart))
	}
	text, err := yaml.Marshal(restart)
	if err != nil {
		t.Fatal(err)
	}
	p := realAnsible(t, "all: {children: {zookeeper: {hosts: {i-1: {infra_name: zookeeper-1}, i-2: {infra_name: zookeeper-2}, i-3: {infra_name: zookeeper-3}}}}}\n",
		"- hosts: zookeeper\n  any_errors_fatal: true"+here+`
    zookeeper_client_port: 2181
    zookeeper_wait: 1
    zookeeper_ensemble: [1, 2, 3]
    _zookeeper_superuser_directory: /nowhere
    _zookeeper_restart_order: [i-3, i-2, i-1]
  tasks:
    `+strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\n    ")+`
    - ansible.builtin.copy: {content: after, dest: "$DIR/after", mode: "0600"}
`)
	p.Expected = []string{"i-1", "i-2", "i-3"}
	log := filepath.Join(p.Dir, "restarted")
	put(t, filepath.Join(p.Dir, "ansible", "collections", "ansible_collections", "infra", "host", "plugins", "modules", "zookeeper_restart.py"), `#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({"name": {}, "port": {}, "members": {}, "password_file": {}, "wait": {}})
with open("`+log+`", "a") as log:
    log.write(module.params["name"] + "\n")
if module.params["name"] == "zookeeper-2":
    module.fail_json(msg="it did not come back")
module.exit_json(changed=True)
`)
	_, err = p.Run(t.Context())
	if fault.CodeOf(err) != fault.Hosts || !strings.Contains(err.Error(), "it did not come back") {
		t.Errorf("code %d: %v", fault.CodeOf(err), err)
	}
	if got, err := os.ReadFile(log); err != nil || string(got) != "zookeeper-3\nzookeeper-2\n" {
		t.Errorf("restarted were %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(p.Dir, "after")); err == nil {
		t.Error("the play went on")
	}
}

func decode(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// Which host a task runs on is told while it does: of every host that the play is
// for, also where a condition leaves it out.
func TestTasksAreToldAsTheyBegin(t *testing.T) {
	t.Parallel()
	p := realAnsible(t, "all: {hosts: {i-1: {}, i-2: {}}}\n", `
- name: Both
  hosts: all`+here+`
  tasks:
    - name: On one
      ansible.builtin.command: {argv: ["true"]}
      when: inventory_hostname == "i-1"
- name: Second
  hosts: i-2`+here+`
  tasks:
    - name: Alone
      ansible.builtin.command: {argv: ["false"]}
`)
	running, said := map[string]string{}, []string{}
	p.Progress = func(e Progress) {
		switch {
		case e.Begun != nil:
			running[e.Begun.Host] = e.Begun.Task
			said = append(said, e.Begun.Host+" "+e.Begun.Play+": "+e.Begun.Task)
		case e.Skipped != nil:
			delete(running, e.Skipped.Host)
			said = append(said, e.Skipped.Host+" skips "+e.Skipped.Task)
		case e.Outcome != nil:
			if running[e.Outcome.Host] != e.Outcome.Task {
				t.Errorf("%s ended %q and was at %q", e.Outcome.Host, e.Outcome.Task, running[e.Outcome.Host])
			}
			delete(running, e.Outcome.Host)
		}
	}
	if _, err := p.Run(t.Context()); fault.CodeOf(err) != fault.Hosts {
		t.Fatal(err)
	}
	compiled, err := filepath.Glob(filepath.Join(p.callbacks(), "__pycache__", "*"))
	if err != nil || len(compiled) == 0 {
		t.Errorf("nothing is compiled: %v", err)
	}
	for _, name := range append(compiled, filepath.Join(p.callbacks(), "__pycache__")) {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("others may read %s: %v, %v", name, info, err)
		}
	}
	slices.Sort(said)
	want := []string{"i-1 Both: On one", "i-2 Both: On one", "i-2 Second: Alone", "i-2 skips On one"}
	if !slices.Equal(said, want) || len(running) > 0 {
		t.Errorf("told was %q, want %q; left are %v", said, want, running)
	}
}
