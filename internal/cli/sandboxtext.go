package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"infra/internal/console"
	"infra/internal/sandbox"
)

// writeSandbox shows a sandbox to people: a line, then a table of hosts.
func writeSandbox(out io.Writer, s sandbox.Status) error {
	line := "sandbox: " + s.State
	if s.State == "running" {
		line += fmt.Sprintf(" for %s, AWS API at %s", console.Elapsed(time.Since(s.Since)), s.Endpoint)
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
