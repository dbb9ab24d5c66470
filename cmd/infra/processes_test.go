package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The parts that a run of infra has as processes.
const (
	partInfra      = "infra"
	partSupervisor = "supervisor"
	partTerraform  = "terraform"
	partProvider   = "provider"
	partOther      = "other" // git, for a moment
)

// part is one process of a run in a cloud's project.
type part struct {
	pid  int
	kind string
}

// processes are those that work on the cloud's project now. They are found by
// the project's path, which is this test's alone: in the arguments of infra
// and in the environments of what it starts.
func (c *cloud) processes(t *testing.T) []part {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var found []part
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		dir := filepath.Join("/proc", entry.Name())
		args, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue // it has ended
		}
		env, err := os.ReadFile(filepath.Join(dir, "environ"))
		if err != nil || !bytes.Contains(args, []byte(c.project)) && !bytes.Contains(env, []byte(c.project)) {
			continue
		}
		exe, err := os.Readlink(filepath.Join(dir, "exe"))
		if err != nil {
			continue
		}
		found = append(found, part{pid: pid, kind: kindOf(filepath.Base(exe), env)})
	}
	return found
}

func kindOf(program string, env []byte) string {
	switch {
	case strings.HasPrefix(program, "terraform-provider-"):
		return partProvider
	case program == "terraform":
		return partTerraform
	case bytes.Contains(env, []byte("INFRA_SUPERVISE=")):
		return partSupervisor
	case bytes.Contains(env, []byte(testMain+"=1")):
		return partInfra
	default:
		return partOther
	}
}

// kill ends every process of one kind with SIGKILL, or all of them at once
// when kind is empty, and tells how many.
func (c *cloud) kill(t *testing.T, kind string) int {
	t.Helper()
	killed := 0
	for _, p := range c.processes(t) {
		if kind != "" && p.kind != kind {
			continue
		}
		if err := syscall.Kill(p.pid, syscall.SIGKILL); err == nil {
			killed++
		}
	}
	return killed
}

// quiet waits until no process of any run is left.
func (c *cloud) quiet(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(cloudLimit)
	for {
		left := c.processes(t)
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("after %s there still runs %v", cloudLimit, left)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// transcript is what a command says, for a reader beside it.
type transcript struct {
	mu   sync.Mutex
	text []byte
}

func (s *transcript) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = append(s.text, p...)
	return len(p), nil
}

func (s *transcript) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.text)
}

// await waits until a text was said, or the context ends; false then.
func (s *transcript) await(ctx context.Context, text string) bool {
	for !strings.Contains(s.String(), text) {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(10 * time.Millisecond):
		}
	}
	return true
}
