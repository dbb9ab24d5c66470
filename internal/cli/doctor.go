package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/doctor"
	"infra/internal/environment"
	"infra/internal/fault"
)

func newDoctorCommand(g *globals) *cobra.Command {
	var install bool
	cmd := describe(&cobra.Command{
		Use:   "doctor [ENV]",
		Short: "Check this machine, and an environment's account, with the command that mends each finding",
		Args:  cobra.MaximumNArgs(1),
		RunE:  func(cmd *cobra.Command, args []string) error { return runDoctor(cmd.Context(), g, args, install) },
	}, "  infra doctor\n  infra doctor prod\n  infra doctor --install")
	cmd.Flags().BoolVar(&install, "install", false, "first install Terraform, Ansible and the emulator, where missing, into .infra (as root also tmux and Chromium, for tests)")
	return cmd
}

func runDoctor(ctx context.Context, g *globals, args []string, install bool) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	if install {
		progress := func(text string) { g.con.Step("%s", text) }
		if err := doctor.Install(ctx, project, progress, g.con.Lines); err != nil {
			return err
		}
	}
	var env *environment.Environment
	if len(args) == 1 {
		if env, err = environment.Load(project, args[0]); err != nil {
			return err
		}
	}
	findings := doctor.Examine(ctx, project, env)
	bad := 0
	for _, f := range findings {
		if !f.OK {
			bad++
		}
	}
	if g.con.JSON() {
		if err := g.con.WriteJSON(map[string]any{"schema": "infra/doctor/v1", "healthy": bad == 0, "findings": findings}); err != nil {
			return err
		}
	} else if err := printFindings(g, findings); err != nil {
		return err
	}
	if bad > 0 {
		return fault.New(fault.Failed, "examine this machine", errors.New(console.Count(bad, "finding")), "the commands after `mend:` above")
	}
	return nil
}

func printFindings(g *globals, findings []doctor.Finding) error {
	w := tabwriter.NewWriter(g.con.Out(), 0, 0, 2, ' ', 0)
	for _, f := range findings {
		mark := "ok"
		if !f.OK {
			mark = "BAD"
		}
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", mark, f.Check, f.Detail); err != nil {
			return err
		}
		if f.Mend != "" && !f.OK {
			if _, err := fmt.Fprintf(w, "\t\tmend: %s\n", f.Mend); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}
