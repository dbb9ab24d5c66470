package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/provision"
	"infra/internal/restore"
	"infra/internal/run"
	"infra/internal/state"
)

// pgRestoreOptions are the flags of pg restore.
type pgRestoreOptions struct {
	to     string
	latest bool
	name   string
	remove string
	wait   run.Wait
}

func newPgRestoreCommand(g *globals) *cobra.Command {
	var o pgRestoreOptions
	cmd := describe(&cobra.Command{
		Use:   "restore ENV",
		Short: "Restore the database, as it was at a moment, to a fresh host beside the cluster",
		Long: `Makes a host like those of the database and restores to it: with --to the state of that moment, else the latest that
the archived WAL has. The cluster goes on undisturbed: the new server is no node of it and archives nothing. A moment
that cannot be restored is refused, with those that can. The host is kept, and costs money, until --remove NAME. With
engine rds, RDS makes an instance of its own beside the other, with a password of its own.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runPgRestore(cmd.Context(), g, args[0], o) },
	}, "  infra pg restore prod --to 2026-11-22T14:30:00Z --name before-the-accident\n  infra ssh prod before-the-accident -- sudo -u postgres psql\n  infra pg restore prod --remove before-the-accident",
		fault.Refused, fault.Locked, fault.Hosts)
	cmd.Flags().StringVar(&o.to, "to", "", "moment to restore, as 2026-11-22T14:30:00Z; UTC where no zone is given")
	cmd.Flags().BoolVar(&o.latest, "latest", false, "the latest moment there is; the default")
	cmd.Flags().StringVar(&o.name, "name", "restore", "name of the new host")
	cmd.Flags().StringVar(&o.remove, "remove", "", "remove the restore of that name, its host and its data")
	cmd.MarkFlagsMutuallyExclusive("to", "latest", "remove")
	cmd.MarkFlagsMutuallyExclusive("name", "remove")
	lockFlag(cmd, &o.wait)
	return cmd
}

func runPgRestore(ctx context.Context, g *globals, name string, o pgRestoreOptions) error {
	wish := restore.Wish{Name: o.name}
	if err := restore.Named(o.name); err != nil {
		return err
	}
	if o.to != "" {
		to, err := restore.ParseMoment(o.to)
		if err != nil {
			return fault.New(fault.Usage, "", fmt.Errorf("--to: %w", err), "infra pg restore --help")
		}
		wish.To = &to
	}
	p, err := begin(ctx, g, name, provision.Selection{Wait: o.wait})
	if err != nil {
		return err
	}
	if o.remove != "" {
		return removeRestore(ctx, g, p, o)
	}
	var document *restore.Restored
	err = p.Operate(ctx, "pg restore", o.wait, func(ctx context.Context, h *provision.Hosts) error {
		output, err := managedOutput(h.State)
		if err != nil {
			return err
		}
		if output != nil {
			document, err = restore.Instance(ctx, p, *output, wish, g.con.Step)
		} else {
			document, err = restore.Restore(ctx, p, h, wish, g.con.Step)
		}
		return err
	})
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(document)
	}
	g.con.Print(restoreText(document))
	return nil
}

// managedOutput is the database as the state has it when the managed service
// runs it, else nil.
func managedOutput(s *state.State) (*postgresql.Output, error) {
	output, err := decoded[postgresql.Output](s, "postgresql")
	if err != nil || output == nil || output.Engine != "rds" {
		return nil, err
	}
	return output, nil
}

// removeRestore takes a restored database away, whichever kind it is.
func removeRestore(ctx context.Context, g *globals, p *provision.Platform, o pgRestoreOptions) error {
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return err
	}
	output, err := managedOutput(s)
	switch {
	case err != nil:
	case output == nil:
		err = restore.Remove(ctx, p, o.wait, o.remove)
	default:
		err = p.Operate(ctx, "pg restore", o.wait, func(ctx context.Context, _ *provision.Hosts) error {
			return restore.RemoveInstance(ctx, p, *output, o.remove, g.con.Step)
		})
	}
	if err != nil {
		return err
	}
	g.con.Step("%s: the restore %s is removed", p.Env.Name(), o.remove)
	return nil
}

// restoreText tells how to get to what was restored, and how to be rid of it.
func restoreText(r *restore.Restored) string {
	took := (time.Duration(r.Seconds * float64(time.Second))).Round(100 * time.Millisecond)
	if r.SecretARN != "" {
		return fmt.Sprintf(`
restore of %[1]s: %[2]s is available after %[3]s, as of %[4]s.
  connect to it: host %[5]s, port 5432, TLS, from within the network
  its password:  aws secretsmanager get-secret-value --secret-id %[6]s
  remove it:     infra pg restore %[1]s --remove %[7]s
`, r.Environment, r.Host, took, restore.Moment(*r.RestoredTo), r.Address, r.SecretARN, r.Name)
	}
	last := "no transaction after the backup"
	if r.RestoredTo != nil {
		last = "up to the transaction of " + restore.Moment(*r.RestoredTo)
	}
	return fmt.Sprintf(`
restore of %[1]s: %[2]s serves after %[3]s, backup %[4]s, %[5]s.
  look into it:  infra ssh %[1]s %[2]s -- sudo -u postgres psql
  connect to it: host %[6]s, port 5432, TLS, with the users and passwords of that moment (no superuser)
  remove it:     infra pg restore %[1]s --remove %[2]s
`, r.Environment, r.Name, took, r.Backup, last, r.Address)
}

// findGuest looks for a host among those that were restored, when the state
// has none of that name.
func findGuest(ctx context.Context, p *provision.Platform, inv *inventory.Inventory, name string) (*inventory.Inventory, inventory.Host, error) {
	_, unknown := inv.Find(name)
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return nil, inventory.Host{}, err
	}
	guests, err := p.Guests(ctx, s)
	if err != nil {
		return nil, inventory.Host{}, errors.Join(unknown, err)
	}
	h, err := guests.Find(name)
	return guests, h, err
}
