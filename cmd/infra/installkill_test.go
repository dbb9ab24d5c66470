//go:build endtoend

package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"infra/internal/install"
)

// tellInstall writes a line at once: `make install-customer` shows it.
func tellInstall(format string, args ...any) {
	_, _ = fmt.Fprintf(os.Stdout, "install-customer "+format+"\n", args...)
}

// killedOnce starts a command, kills infra with SIGKILL a moment after it has
// said something, and waits until nothing that it has started runs any more.
func (c *cloud) killedOnce(t *testing.T, says string, after time.Duration, args ...string) {
	t.Helper()
	c.killedAfter(t, args, after, says)
	c.quiet(t)
	tellInstall("%s: killed %s after %q", args[0], after, says)
}

// killedAfter starts a command and kills infra, and nothing else, with SIGKILL a
// moment after it has said each of some things.
func (c *cloud) killedAfter(t *testing.T, args []string, moment time.Duration, says ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), cloudLimit)
	defer cancel()
	cmd := c.command(ctx, args...)
	said := &transcript{}
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	running, over := context.WithCancel(ctx)
	go func() {
		ended <- cmd.Wait()
		over()
	}()
	for _, text := range says {
		if !said.await(running, text) {
			t.Fatalf("it never said %q (exit %d):\n%s", text, exitCode(t, <-ended), said)
		}
	}
	time.Sleep(moment)
	if err := cmd.Process.Kill(); err != nil {
		t.Errorf("it was over before it was killed at %q: %v", says, err)
	}
	<-ended
}

// TestInstallCustomer installs customers into accounts of their own: two of
// small stacks beside each other, one killed in every phase, and one with real
// resources.
func TestInstallCustomer(t *testing.T) {
	t.Run("two customers", twoCustomers)
	t.Run("killed", killedInstallation)
	t.Run("real", realCustomer)
}

// killedInstallation kills infra in each phase of an installation, and in each
// part of the end; the same command goes on, and nothing is made twice.
func killedInstallation(t *testing.T) {
	c := newCloud(t)
	c.tinyPlatform(t)
	c.customer(t, "alpha", alphaAccount, "10.60.0.0/20")
	typed := []string{"install", "alpha", "--auto-approve"}
	for n, phase := range install.Phases() {
		c.killedOnce(t, fmt.Sprintf("phase %d of %d: %s", n+1, len(install.Phases()), phase), 0, typed...)
		if phase == install.Apply { // once more, while Terraform works
			c.killedOnce(t, ": applying", 0, typed...)
		}
	}
	doc, said := c.installed(t, "alpha")
	if !doc.Accepted || !strings.Contains(said, "an earlier installation was interrupted in") {
		t.Errorf("the last one: %+v\n%s", doc, said)
	}
	runs, err := c.storeOf(t, "alpha", alphaAccount).Runs(t.Context(), 50)
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]int{}
	for _, r := range runs {
		if !r.Finished() {
			t.Errorf("the ledger does not know how %s of %s ended", r.Verb, r.Run)
		}
		for _, s := range r.Stacks {
			made[s.Stack] += s.Applied
		}
	}
	tellInstall("installed after %d kills; the ledger knows how each of %d runs ended", len(install.Phases())+1, len(runs))
	for _, stack := range []string{"baseline/alpha", "pipeline/alpha"} {
		if made[stack] > 1 { // a run that was killed has not written down what it made
			t.Errorf("%s has one resource, and %d were made", stack, made[stack])
		}
	}
	if again, said := c.installed(t, "alpha"); again.Changed {
		t.Errorf("a second run changes something:\n%s", said)
	}

	end := []string{"uninstall", "alpha", "--confirm", "alpha"}
	c.killedOnce(t, ": applying", 0, end...)
	c.killedOnce(t, "archived ", 0, end...)
	c.killedOnce(t, "removed the bucket infra-state-"+alphaAccount+"-eu-west-1 with", 0, end...)
	c.killedOnce(t, "there is no state bucket", 0, end...)
	if gone := c.uninstalled(t, "alpha"); !gone.Gone {
		t.Errorf("after four kills there is left %+v", gone.Left)
	}
}
