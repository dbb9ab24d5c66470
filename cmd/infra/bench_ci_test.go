//go:build endtoend

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
)

// nothingAffected measures `infra ci plan` of a change that affects none of 500
// environments: what every pull request waits for. The median counts.
func nothingAffected(t *testing.T) string {
	t.Helper()
	c := hundreds(t)
	program, err := filepath.Abs("../../bin/infra")
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	for range runs {
		samples = append(samples, watch(t, exec.CommandContext(t.Context(), program, "-C", c.project, "ci", "plan", "--base", "HEAD^")))
	}
	return fmt.Sprintf("%.2f s, %d MiB", median(samples), peak(samples)/1024)
}
