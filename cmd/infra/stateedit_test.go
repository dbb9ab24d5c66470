package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// edit runs `infra state edit` with a copy of the state in which a text was
// replaced by another.
func (c *cloud) edit(t *testing.T, code int, from, to string, more ...string) (stderr string) {
	t.Helper()
	raw := string(c.state(t).Raw)
	if !strings.Contains(raw, from) {
		t.Fatalf("the state has no %q", from)
	}
	c.write(t, "edited.json", strings.ReplaceAll(raw, from, to))
	_, stderr = c.run(t, code, append([]string{"state", "edit", "cloud", "--file", filepath.Join(c.project, "edited.json")}, more...)...)
	return stderr
}

func stateEdit(t *testing.T, c *cloud) {
	was := c.state(t)
	for name, edit := range map[string]struct{ from, to, want string }{
		"nothing":           {`"version": 4`, `"version":  4`, "nothing was changed"},
		"broken JSON":       {`"version": 4,`, `"version": 4`, "3:3: it is not valid JSON"},
		"another lineage":   {was.Lineage, "5e1f0000-0000-0000-0000-000000000000", "it is another state"},
		"a resource twice":  {`"name": "two"`, `"name": "one"`, "is there twice"},
		"another serial":    {`"serial": `, `"serial": 1`, "it was made from serial"},
		"a lost dependency": {`"schema_version": 0,`, `"schema_version": 0, "dependencies": ["terraform_data.gone"],`, "which is not in the state"},
	} {
		stderr := c.edit(t, 3, edit.from, edit.to, "--auto-approve")
		if !strings.Contains(stderr, edit.want) {
			t.Errorf("%s: no %q in\n%s", name, edit.want, stderr)
		}
		c.unchanged(t, was)
	}
	stderr := c.edit(t, 3, `"first"`, `"edited"`) // nobody to ask
	if !strings.Contains(stderr, "would now be changed") || !strings.Contains(stderr, "Outputs would now be changed") {
		t.Errorf("an edit that nobody approved:\n%s", stderr)
	}
	c.unchanged(t, was)
	stderr = c.edit(t, 0, `"first"`, `"edited"`, "--auto-approve")
	now := c.state(t)
	if now.Serial != was.Serial+1 || now.Lineage != was.Lineage || !strings.Contains(string(now.Raw), `"edited"`) || !strings.Contains(stderr, "infra state restore cloud "+was.VersionID) {
		t.Errorf("the edited state has serial %d:\n%s", now.Serial, stderr)
	}
	c.settled(t)
}

// stateEditor edits with a real program, whose command line has arguments.
func stateEditor(t *testing.T, c *cloud) {
	was := c.state(t)
	with := func(code int, editor string) (stderr string) {
		t.Helper()
		cmd := c.command(t.Context(), "state", "edit", "cloud", "--auto-approve")
		cmd.Env = append(cmd.Env, "VISUAL="+editor, "EDITOR=false")
		var errw strings.Builder
		cmd.Stderr = &errw
		if got := exitCode(t, cmd.Run()); got != code {
			t.Fatalf("with %s: exit code %d, want %d\n%s", editor, got, code, errw.String())
		}
		return errw.String()
	}
	for editor, want := range map[string]string{
		"no-such-editor":        "export EDITOR=",
		`sed -i "s/x`:           "not closed",
		"true":                  "nothing was changed",
		`sed -i 's/"serial/;/'`: "is not valid JSON",
	} {
		code := 3
		if want == "export EDITOR=" || want == "not closed" {
			code = 64
		}
		stderr := with(code, editor)
		if !strings.Contains(stderr, want) {
			t.Errorf("with %s: no %q in\n%s", editor, want, stderr)
		}
		_, kept, found := strings.Cut(stderr, "is kept in ")
		kept, _, _ = strings.Cut(kept, "\n")
		if found != (want == "is not valid JSON") {
			t.Errorf("with %s: kept is %q", editor, kept)
		}
		if info, err := os.Stat(kept); found && (err != nil || info.Mode().Perm() != 0o600) {
			t.Errorf("what was written has mode %v, %v", info, err)
		}
		c.unchanged(t, was)
	}
	with(0, `sed -i 's/"first"/"by an editor"/'`)
	if now := c.state(t); now.Serial != was.Serial+1 || !strings.Contains(string(now.Raw), "by an editor") {
		t.Errorf("edited to serial %d", now.Serial)
	}
	c.run(t, 0, "state", "restore", "cloud", was.VersionID, "--product", "baseline", "--auto-approve")
}

// stateKilled kills infra, and the editor with it, while somebody edits: the
// state is as it was, and the next run needs nobody to recover anything.
func stateKilled(t *testing.T, c *cloud) {
	was := c.state(t)
	cmd := c.command(t.Context(), "state", "edit", "cloud", "--auto-approve")
	cmd.Env = append(cmd.Env, "VISUAL=tail -f")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	open := func() bool {
		copies, err := filepath.Glob(filepath.Join(c.project, ".infra", "runs", "cloud", "*", "baseline.edited.json"))
		return err == nil && len(copies) > 0
	}
	for limit := time.Now().Add(time.Minute); !open(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatal("no editor was opened")
		}
	}
	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, cmd.Wait()); code != -1 {
		t.Errorf("it ended with exit code %d", code)
	}
	c.unchanged(t, was)
	c.run(t, 0, "plan", "cloud", "--product", "baseline")
	c.run(t, 64, "state", "restore", "cloud", "--product", "baseline") // the lease can be had
}
