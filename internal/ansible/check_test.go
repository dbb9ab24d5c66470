package ansible

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// The real Ansible in check mode: it tells which task would change which file of
// which host, and changes nothing.
func TestCheckTellsAndChangesNothing(t *testing.T) {
	t.Parallel()
	p := realAnsible(t, "all: {hosts: {i-1: {}, i-2: {}}}\n", `
- name: Settings
  hosts: all`+here+`
  tasks:
    - name: Write the settings
      ansible.builtin.copy: {content: "password=hunter2\n", dest: "$DIR/settings-{{ inventory_hostname }}", mode: "0600"}
    - name: Write several
      ansible.builtin.copy: {content: "b\n", dest: "$DIR/{{ item }}-{{ inventory_hostname }}", mode: "0600"}
      loop: [one, two]
    - name: Run a program
      ansible.builtin.command: {argv: [touch, "$DIR/ran"]}
    - name: Nothing to do
      ansible.builtin.file: {path: "$DIR", state: directory}
`)
	have := filepath.Join(p.Dir, "settings-i-2")
	put(t, have, "password=hunter2\n")
	p.Check, p.Expected = true, []string{"i-1", "i-2"}
	res, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, c := range res.Changes {
		text := c.Host + " " + c.Task
		if c.Play != "Settings" {
			t.Errorf("%s is of the play %q", text, c.Play)
		}
		for _, file := range c.Files {
			text += " " + filepath.Base(file)
		}
		told = append(told, text)
	}
	slices.Sort(told)
	want := []string{"i-1 Write several one-i-1 two-i-1", "i-1 Write the settings settings-i-1", "i-2 Write several one-i-2 two-i-2"}
	if !slices.Equal(told, want) {
		t.Errorf("it tells of %q, want %q", told, want)
	}
	for _, name := range []string{"settings-i-1", "one-i-1", "ran"} {
		if _, err := os.Stat(filepath.Join(p.Dir, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s was made: %v", name, err)
		}
	}
}
