package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

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
		Long: `Looks at the programs and their versions, Python, disk, memory and clock of this machine; of an environment also at
credentials and role, the account's permissions, quotas, networks, zones and EMR release (as infra install does before
it begins), the state bucket, and the way to the hosts: the bastion's port, the Session Manager plugin, or the sandbox's
port. It only reads. What could not be asked is "unknown", and never counts as fine; only what failed makes it fail
(exit 1).`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runDoctor(cmd.Context(), g, args, install) },
	}, "  infra doctor\n  infra doctor prod\n  infra doctor --install\n  infra doctor prod --output json | jq '.findings[] | select(.state == \"fail\")'")
	cmd.Flags().BoolVar(&install, "install", false, "first install Terraform, Ansible and the emulator, where missing, into .infra (as root also tmux, for tests)")
	return cmd
}

func runDoctor(ctx context.Context, g *globals, args []string, install bool) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	if install {
		progress := func(text string) { g.con.Step("%s", text) }
		if err := doctor.Install(ctx, project, progress); err != nil {
			return err
		}
	}
	var env *environment.Environment
	if len(args) == 1 {
		if env, err = environment.Load(project, args[0]); err != nil {
			return err
		}
	}
	subject := doctor.Subject{Project: project, Env: env}
	if env != nil {
		if subject.Taken, err = environment.Networks(project, env.Name()); err != nil {
			return err
		}
	}
	doc := doctor.Report(env, doctor.Examine(ctx, subject))
	if g.con.JSON() {
		err = g.con.WriteJSON(doc)
	} else {
		_, err = fmt.Fprint(g.con.Out(), examined(doc))
	}
	if err != nil || doc.Healthy {
		return err
	}
	return fault.New(fault.Failed, "examine "+cmp.Or(doc.Environment, "this machine"), errors.New(console.Count(doc.Counts[doctor.Fail], "failed check")), "the commands after `mend:` above")
}

// examined shows all findings to people, and how many there are of each state.
func examined(doc doctor.Document) string {
	rows := make([][]string, 0, len(doc.Findings))
	for _, f := range doc.Findings {
		rows = append(rows, []string{strings.ToUpper(string(f.State)), f.Check, console.Plain(f.Detail)})
		if f.Mend != "" {
			rows = append(rows, []string{"", "", "mend: " + console.Plain(f.Mend)})
		}
	}
	return console.Columns(rows) + fmt.Sprintf("\n%d ok, %d to know about, %d not known, %d failed\n",
		doc.Counts[doctor.OK], doc.Counts[doctor.Warn], doc.Counts[doctor.Unknown], doc.Counts[doctor.Fail])
}
