package sandbox

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/sandbox/network"
)

// traces are everything of one sandbox that the machine shows: names and
// addresses are its own, so other sandboxes and programs do not matter.
func traces(t *testing.T, config Config, layout network.Layout) []string {
	t.Helper()
	config, err := config.settle()
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	look := func(what string, lines []string, marks ...string) {
		for _, line := range lines {
			if slices.ContainsFunc(marks, func(mark string) bool { return mark != "" && strings.Contains(line, mark) }) {
				found = append(found, what+": "+strings.TrimSpace(line))
			}
		}
	}
	id := "infra-" + layout.ID
	look("link", output(t, "ip", "-o", "link"), id)
	look("route", output(t, "ip", "route", "show", "table", "all"), layout.PublicRange().Addr().String()+"/24", id)
	look("namespace", output(t, "ip", "netns", "list"), id)
	look("rule", output(t, "nft", "list", "ruleset"), layout.PublicRange().Addr().String())
	look("mount", read(t, "/proc/self/mountinfo"), id, config.Dir)
	for _, pattern := range []string{"/run/infra-*", "/var/lib/infra-*", "/sys/fs/cgroup/infra-*", "/sys/fs/cgroup/unified/infra-*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		look("folder", paths, id)
	}
	loops, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		t.Fatal(err)
	}
	for _, loop := range loops {
		if text, err := os.ReadFile(loop); err == nil {
			look("loop device", []string{string(text)}, config.Dir)
		}
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, process := range processes {
		if text, err := os.ReadFile(process); err == nil {
			look("process", []string{process + " " + strings.ReplaceAll(string(text), "\x00", " ")}, id, config.Dir, config.Project)
		}
	}
	return found
}

func output(t *testing.T, program string, arguments ...string) []string {
	t.Helper()
	text, err := exec.CommandContext(t.Context(), program, arguments...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", program, arguments, err)
	}
	return strings.Split(string(text), "\n")
}

func read(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}
