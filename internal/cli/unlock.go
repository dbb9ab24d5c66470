package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/provision"
	"infra/internal/run"
	"infra/internal/state"
)

// unlockOptions are the flags of unlock.
type unlockOptions struct {
	run, lock string
	confirm   string
	wait      run.Wait
}

func newUnlockCommand(g *globals) *cobra.Command {
	var o unlockOptions
	cmd := describe(&cobra.Command{
		Use:   "unlock ENV (--run RUN | --lock ID)",
		Short: "Give back what a dead run still holds: its lease, or a lock of Terraform",
		Long: `With --run, gives back the lease of that run, and removes the locks of Terraform that it has left. Only when the
run is provably dead: its machine says that its processes are gone, or it has shown no sign of life for 90 seconds
by the clock of S3. Seldom needed: the next run takes over a dead lease by itself, and infra recover does so for a
run that was changing something.

With --lock, removes one lock of a Terraform state by its id. The environment's lease is taken first, so no other
run of infra is at work; the environment's name is asked for, since the lock may be that of a Terraform that
somebody has started by hand.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if (o.run == "") == (o.lock == "") {
				return fault.New(fault.Usage, "", errors.New("either --run or --lock is needed"), "infra unlock --help")
			}
			return runUnlock(cmd.Context(), g, args[0], o)
		},
	}, "  infra unlock prod --run 20261122T083015Z-1f2e3d\n  infra unlock prod --lock 6b8a7c5e-1f0d-4c2b-9a3e-5d4c3b2a1f0e", fault.Refused, fault.Locked)
	flags := cmd.Flags()
	flags.StringVar(&o.run, "run", "", "id of the dead run, as infra runs shows it")
	flags.StringVar(&o.lock, "lock", "", "id of a lock of Terraform, as the error about it shows it")
	confirmFlag(cmd, &o.confirm)
	lockFlag(cmd, &o.wait)
	return cmd
}

// unlockDocument is what unlock prints as JSON.
type unlockDocument struct {
	Schema      string   `json:"schema"` // infra/unlock/v1
	Environment string   `json:"environment"`
	Run         string   `json:"run,omitempty"` // whose lease was given back
	Locks       []string `json:"locks"`         // ids of Terraform's locks that were removed
}

func runUnlock(ctx context.Context, g *globals, name string, o unlockOptions) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	doc := unlockDocument{Schema: "infra/unlock/v1", Environment: name, Run: o.run, Locks: []string{}}
	var locks []state.Lock
	if o.run != "" {
		_, locks, err = p.Unlock(ctx, o.run)
	} else {
		locks = make([]state.Lock, 1)
		locks[0], err = p.UnlockState(ctx, o.lock, o.wait, func(lock state.Lock) error { return approveUnlock(g, name, lock, o.confirm) })
	}
	if err != nil {
		return err
	}
	for _, lock := range locks {
		doc.Locks = append(doc.Locks, lock.ID)
		g.con.Step("removed the lock: %s", lock)
	}
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	return sayUnlocked(ctx, g, p, o)
}

// approveUnlock asks for the environment's name.
func approveUnlock(g *globals, name string, lock state.Lock, confirm string) error {
	if confirm != "" {
		return guard.Typed(name, confirm)
	}
	question := fmt.Sprintf("\nRemove the lock %s?\nNo run of infra is at work. Make sure that no Terraform was started by hand on %s.", lock, lock.Who)
	return needsTerminal(g.con.Confirm(question, name), fmt.Sprintf("infra unlock %s --lock %s --confirm %s", name, lock.ID, name))
}

// sayUnlocked tells what is left to do.
func sayUnlocked(ctx context.Context, g *globals, p *provision.Platform, o unlockOptions) error {
	if o.run != "" {
		g.con.Step("the lease of run %s is given back", o.run)
	}
	head, err := p.Runs().Head(ctx)
	if err != nil {
		return err
	}
	if head.Open != "" {
		g.con.Warn("run %s began to change something and never said how it ended; next: infra recover %s", head.Open, p.Env.Name())
	}
	return nil
}

// asks is for the commands that need the word of a person, or a flag in its
// place.
func asks(g *globals, p *provision.Platform, question string, auto bool, confirm, command string) error {
	name := p.Env.Name()
	need, err := guard.Confirmed(name, p.Env.Protected(), auto, confirm, false)
	if err != nil || need == guard.NeedNothing {
		return err
	}
	word, flag := "yes", "--auto-approve"
	if need == guard.NeedName {
		word, flag = name, "--confirm "+name
	}
	return needsTerminal(g.con.Confirm(question, word), command+" "+flag)
}
