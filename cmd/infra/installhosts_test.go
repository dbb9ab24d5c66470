//go:build endtoend

package main

import (
	"slices"
	"testing"
	"time"

	"infra/internal/report"
	"infra/internal/sandbox"
)

// TestInstallCustomerWithHosts installs a customer into an account of its own
// in a sandbox, hosts and all, a second time, and takes it away.
func TestInstallCustomerWithHosts(t *testing.T) {
	p := newPlatform(t)
	p.run(t, 0, "env", "new", "acme", "--from", "e2e", "--account", alphaAccount, "--region", "eu-west-1", "--cidr", "10.79.0.0/16",
		"--role", "arn:aws:iam::"+alphaAccount+":role/infra-apply", "--external-id", "acme-1")

	began := time.Now()
	doc := data[report.InstallDocument](t, p, "install", "acme", "--auto-approve")
	if !doc.Accepted || !doc.Changed || len(doc.Hosts) < 7 {
		t.Fatalf("installed: %+v", doc)
	}
	tellInstall("a platform of %d hosts installed and accepted in %s", len(doc.Hosts), time.Since(began).Round(time.Second))
	for _, check := range doc.Acceptance {
		tellInstall("accepted: %s: %s", check.Check, check.Detail)
	}
	p.run(t, 0, "status", "acme")

	began = time.Now()
	if again := data[report.InstallDocument](t, p, "install", "acme", "--auto-approve"); again.Changed || !again.Accepted {
		t.Errorf("a second run: %+v", again)
	}
	tellInstall("installed again, nothing changed, in %s", time.Since(began).Round(time.Second))

	gone := data[report.UninstallDocument](t, p, "uninstall", "acme", "--confirm", "acme", "--delete-data")
	if !gone.Gone || len(gone.Left) > 0 {
		t.Errorf("left: %+v", gone)
	}
	status := data[sandbox.Status](t, p, "sandbox", "status", "--environment", "e2e")
	if slices.ContainsFunc(status.Hosts, func(h sandbox.HostStatus) bool {
		return h.Account == alphaAccount && (h.State != "terminated" || h.Container != "none")
	}) {
		t.Errorf("hosts are left: %+v", status.Hosts)
	}
}
