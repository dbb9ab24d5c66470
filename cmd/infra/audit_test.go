//go:build endtoend

package main

import (
	"encoding/json"
	"testing"

	"infra/internal/report"
	"infra/internal/sandbox/emulator"
)

func TestAudit(t *testing.T) {
	t.Parallel()
	c := newCloud(t, func(o *emulator.Options) { o.EnforceRoles = true })
	c.assume(t, "", "")
	c.applyWithoutHosts(t)
	c.assume(t, "plan", "")
	out, errw := c.run(t, 2, "audit", "cloud", "--verbose", "--fail-on", "low", "--html", "/tmp/audit.html", "--sarif", "/tmp/audit.sarif")
	t.Log(out, errw)
	out, _ = c.run(t, 2, "audit", "cloud", "--output", "json", "--fail-on", "low")
	var doc report.AuditDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil {
		t.Fatal(err)
	}
}
