package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"infra/internal/clone"
	"infra/internal/console"
	"infra/internal/sandbox"
)

// writeSandbox shows a sandbox to people: a line, then a table of hosts.
func writeSandbox(out io.Writer, s sandbox.Status) error {
	line := "sandbox: " + s.State
	if s.State == "running" {
		line += fmt.Sprintf(" for %s, AWS API at %s", console.Elapsed(time.Since(s.Since)), s.Endpoint)
	}
	if !s.Expires.IsZero() {
		line += ", ends in " + untilEnd(s.Expires)
	}
	if s.Error != "" {
		line += "\n  " + s.Error + "\n  next: " + s.Hint
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(out, line); err != nil {
		return err
	}
	if len(s.Hosts) > 0 {
		if _, err := fmt.Fprintln(w, "HOST\tINSTANCE\tSTATE\tCONTAINER\tADDRESS\tPUBLIC\tPROBLEM"); err != nil {
			return err
		}
	}
	for _, h := range s.Hosts {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", h.Name, h.ID, h.State, h.Container, h.PrivateAddress, h.PublicAddress, h.Problem); err != nil {
			return err
		}
	}
	return w.Flush()
}

// writeSandboxes shows the sandboxes of a project, one a line.
func writeSandboxes(out io.Writer, all []sandbox.Listed) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "no sandbox; infra sandbox up starts one")
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(w, "ENVIRONMENT\tCLONE OF\tSTATE\tAGE\tENDS IN\tHOSTS\tMEMORY\tAWS API"); err != nil {
		return err
	}
	for _, s := range all {
		end, memory := "never", "-"
		if !s.Expires.IsZero() {
			end = untilEnd(s.Expires)
		}
		if s.Memory > 0 {
			memory = fmt.Sprintf("%d MiB", s.Memory>>20)
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", s.Environment, cmp.Or(s.Of, "-"), s.State,
			console.Elapsed(time.Since(s.Since)), end, s.Hosts, memory, s.Endpoint); err != nil {
			return err
		}
	}
	return w.Flush()
}

func untilEnd(at time.Time) string { return console.Elapsed(max(0, time.Until(at))) }

// cloneText says what a clone is not.
func cloneText(c clone.Clone, name string) string {
	var rows, out strings.Builder
	for _, change := range c.Changes {
		fmt.Fprintf(&rows, "  %s\t%s -> %s\t%s\n", change.Path, shortValue(change.Was), shortValue(change.Now), change.Why)
	}
	for _, loss := range c.Lost {
		fmt.Fprintf(&rows, "  %s\t\t%s\n", loss.What, loss.Why)
	}
	fmt.Fprintf(&out, "%s is %s in small. What could not be carried over, or is smaller:\n", name, c.Of)
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(w, rows.String()) // a strings.Builder takes everything
	_ = w.Flush()
	return out.String()
}

// shortValue is a value that fits into a line: a key or an ARN is known by its start.
func shortValue(value string) string {
	const most = 36
	if value == "" {
		return "none"
	}
	if runes := []rune(value); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return value
}
