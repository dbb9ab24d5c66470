package sandbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// TestExpiry lets a sandbox with a host come to its end by itself: nobody types
// anything, and nothing of it stays on the machine.
func TestExpiry(t *testing.T) {
	c := newCloud(t)
	clone := Clone(c.config.Project, "me")
	clone.Endpoint, clone.Account, clone.Region = c.config.Endpoint, c.config.Account, c.config.Region
	clone.Python, clone.Executable = c.config.Python, c.config.Executable
	clone.Lifetime = Lifetime{Of: "prod", Expires: time.Now().Add(time.Hour)}
	c.config = clone
	if err := writeJSON(filepath.Join(clone.Project, settingsFile), clone); err != nil {
		t.Fatal(err)
	}
	for _, own := range clone.Discard { // what the environment has in the checkout
		if err := os.MkdirAll(own, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	c.up()
	found := must(readRecord(must(clone.settle())(t)))(t)
	if len(traces(t, clone, found.Layout)) == 0 {
		t.Fatal("a running sandbox leaves no traces: the test looks in the wrong places")
	}
	c.importKey()
	host := c.launch(c.place("10.20.0.0/16", "10.20.1.0/24"), "10.20.1.10")
	c.waitState(host, types.InstanceStateNameRunning)

	var listed Listed
	c.eventually("the list shows the host", func() bool {
		all := must(List(t.Context(), clone.Project))(t)
		if len(all) != 1 {
			t.Fatalf("listed: %+v", all)
		}
		listed = all[0]
		return listed.Hosts == 1
	})
	const least = 50 << 20 // the emulator alone takes that
	if listed.Environment != "me" || listed.Of != "prod" || listed.State != running || listed.Memory < least ||
		time.Until(listed.Expires) < 30*time.Minute {
		t.Errorf("listed: %+v", listed)
	}
	if swept := must(Sweep(t.Context(), clone.Project, func(string) {}))(t); swept != 0 {
		t.Errorf("%d swept before their time", swept)
	}

	// Its end is now, and the daemon notices.
	clone.Lifetime.Expires = time.Now()
	if err := Up(t.Context(), clone, func(string) {}); err != nil {
		t.Fatal(err)
	}
	c.eventually("the daemon has ended", func() bool { return !found.Daemon.Alive() })
	if left := traces(t, clone, found.Layout); len(left) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
	for _, own := range clone.Discard {
		if _, err := os.Lstat(own); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", own, err)
		}
	}
	if status := must(ReadStatus(t.Context(), clone))(t); status.State != expired {
		t.Errorf("status: %+v", status)
	}

	// The next command says so, once, and takes the log with it.
	var told []string
	swept := must(Sweep(t.Context(), clone.Project, func(text string) { told = append(told, text) }))(t)
	if swept != 1 || len(told) != 1 || !strings.Contains(told[0], "the sandbox me expired at ") {
		t.Errorf("%d swept, told %q", swept, told)
	}
	if _, err := os.Lstat(clone.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its folder is still there: %v", err)
	}
	if swept := must(Sweep(t.Context(), clone.Project, func(string) {}))(t); swept != 0 {
		t.Errorf("%d swept twice", swept)
	}
}

// A daemon that was killed, or whose machine was off, cannot end its sandbox:
// the next command does.
func TestSweepEndsWhatCouldNotEndItself(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root may end a sandbox")
	}
	project := t.TempDir()
	for name, expires := range map[string]time.Time{
		"over": time.Now().Add(-time.Minute), "later": time.Now().Add(time.Hour), "open": {},
	} {
		config := Clone(project, name)
		config.Endpoint = "http://127.0.0.1:4567"
		if err := os.MkdirAll(config.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		made := record{Phase: running, Endpoint: config.Endpoint, NamespacesMounted: true}
		made.Daemon.PID, made.Daemon.Boot = 1<<30, "another boot"
		if err := errors.Join(made.write(config), Lifetime{Of: "prod", Expires: expires}.write(config)); err != nil {
			t.Fatal(err)
		}
	}
	var told []string
	swept := must(Sweep(t.Context(), project, func(text string) { told = append(told, text) }))(t)
	if swept != 1 || !strings.Contains(strings.Join(told, "\n"), "the sandbox over expired at ") {
		t.Errorf("%d swept, told %q", swept, told)
	}
	var left []string
	for _, one := range must(List(t.Context(), project))(t) {
		left = append(left, one.Environment+" "+one.State)
	}
	if strings.Join(left, ", ") != "later failed, open failed" {
		t.Errorf("left: %v", left)
	}
}

// Endpoints of other sandboxes and environments, and ports in use, are avoided.
func TestFreeEndpoint(t *testing.T) {
	project := t.TempDir()
	first := must(FreeEndpoint(t.Context(), project, nil))(t)
	second := must(FreeEndpoint(t.Context(), project, []string{first, "", "https://elsewhere"}))(t)
	port := must(Config{Endpoint: second}.port())(t)
	if first == second {
		t.Fatalf("%s twice", first)
	}
	taken := listen(t, port)
	t.Cleanup(func() {
		if err := taken.Close(); err != nil {
			t.Error(err)
		}
	})
	if third := must(FreeEndpoint(t.Context(), project, []string{first}))(t); third == first || third == second {
		t.Errorf("%s is taken", third)
	}
}
