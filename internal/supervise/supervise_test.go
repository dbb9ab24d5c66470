package supervise

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"infra/internal/process"
)

// alone runs a supervisor as its parent does and gives what it said.
func alone(t *testing.T, spec Spec, args ...string) (out, errw string, exit int) {
	t.Helper()
	own, err := spec.Variables()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), Program, args...)
	cmd.Env = environ(own)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	exit = code(t, cmd.Run())
	return stdout.String(), stderr.String(), exit
}

func TestAllOutputIsCopied(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	if err := os.WriteFile(log, []byte("an earlier run\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	const lines = 50000
	out, errw, exit := alone(t, Spec{Program: os.Args[0], Log: log}, dir, "lines="+strconv.Itoa(lines))
	if exit != 3 || errw != "said\n" || strings.Count(out, "\n") != lines || !strings.HasPrefix(out, "0 ") {
		t.Errorf("exit code %d, %d lines, errors %q", exit, strings.Count(out, "\n"), errw)
	}
	data, err := os.ReadFile(log)
	if err != nil || string(data) != "an earlier run\n"+out {
		t.Errorf("the log has %d bytes, %v", len(data), err)
	}
	for _, file := range []string{log, log + ".stderr"} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", file, info.Mode(), err)
		}
	}
}

func TestWhatCannotStart(t *testing.T) {
	dir := t.TempDir()
	for name, spec := range map[string]Spec{
		"no such tool": {Program: filepath.Join(dir, "none"), Log: filepath.Join(dir, "log"), Run: Run{Children: dir}},
		"no such log":  {Program: os.Args[0], Log: filepath.Join(dir, "none", "log")},
	} {
		if _, errw, exit := alone(t, spec, dir); exit != cannotStart || !strings.Contains(errw, "none") {
			t.Errorf("%s: exit code %d, %q", name, exit, errw)
		}
	}
	if left, err := process.Recorded(dir); err != nil || len(left) != 0 {
		t.Errorf("recorded are %v, %v", left, err)
	}
}

func TestVersionIsAnsweredAtOnce(t *testing.T) {
	out, _, exit := alone(t, Spec{Program: "/none", Version: "1.2.3"}, "version", "-json")
	if exit != 0 || out != "{\"terraform_version\":\"1.2.3\"}\n" {
		t.Errorf("exit code %d, %q", exit, out)
	}
}

func TestRow11WhatTheToolLeavesIsKept(t *testing.T) {
	dir := t.TempDir()
	left, kept := filepath.Join(dir, "errored"), filepath.Join(dir, "kept")
	spec := Spec{Program: os.Args[0], Log: filepath.Join(dir, "log"), Keep: []Keep{{From: left, To: kept}}}
	if _, errw, exit := alone(t, spec, dir, "leave=errored"); exit != 0 || errw != "" {
		t.Fatalf("exit code %d, %s", exit, errw)
	}
	if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("what was left has mode %v, %v", info, err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("it is still where it was left")
	}
	// Once more: what is kept is never overwritten.
	if _, errw, _ := alone(t, spec, dir, "leave=errored"); !strings.Contains(errw, "exists") {
		t.Errorf("a second one: %q", errw)
	}
	if _, err := os.Stat(left); err != nil {
		t.Errorf("the second one is gone: %v", err)
	}
	// And what was there before the tool is not the tool's.
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	if _, errw, _ := alone(t, spec, dir, "leave=other"); errw != "" {
		t.Errorf("with an old file: %q", errw)
	}
	if _, err := os.Stat(kept); err == nil {
		t.Error("an old file was taken for the tool's")
	}
}

// BenchmarkStart is what a supervisor adds to a tool's start and end.
func BenchmarkStart(b *testing.B) {
	dir := b.TempDir()
	program, err := exec.LookPath("true")
	if err != nil {
		b.Fatal(err)
	}
	own, err := Spec{Program: program, Log: filepath.Join(dir, "log"), Run: Run{Children: dir}}.Variables()
	if err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, program string, env []string) {
		for b.Loop() {
			cmd := exec.CommandContext(b.Context(), program)
			cmd.Env = env
			if err := cmd.Run(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("alone", func(b *testing.B) { run(b, program, os.Environ()) })
	b.Run("supervised", func(b *testing.B) { run(b, Program, environ(own)) })
}
