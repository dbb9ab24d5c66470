package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"infra/internal/fault"
	"infra/internal/postgresql"
	"infra/internal/provision"
)

// work is what a command does on the nodes, with what is known of them.
type work func(ctx context.Context, w postgresql.Work, overview *postgresql.Overview) (*postgresql.Done, error)

// changeDatabase holds the environment, looks at the database and works on it.
// What was done is printed also when it failed.
func changeDatabase(ctx context.Context, g *globals, p *provision.Platform, verb string, o byHand, do work) error {
	if err := p.Preflight(ctx, o.allowDirty); err != nil {
		return err
	}
	var done *postgresql.Done
	err := p.Operate(ctx, verb, o.wait, func(ctx context.Context, h *provision.Hosts) error {
		sources, err := databaseSources(p, h.State, h.Inventory, h.Client.Run)
		if err != nil {
			return err
		}
		w := postgresql.Work{Sources: sources, Tell: func(s postgresql.Step) {
			tellStep(g, p, s.At, s.Node, s.What)
		}, Touched: p.Touched}
		g.con.Live("looking at the database")
		overview := postgresql.ReadOverview(ctx, sources)
		g.con.Live("")
		done, err = do(ctx, w, overview)
		return err
	})
	if done == nil {
		return err
	}
	if printErr := printDone(g, verb, done); err == nil {
		err = printErr
	}
	return err
}

// tellStep says what an operation did or saw, now and in the report: when, by
// the clock of who saw it, and at which host, if at one.
func tellStep(g *globals, p *provision.Platform, at time.Time, host, what string) {
	g.con.Step("%s  %s", at.UTC().Format("15:04:05.000"), strings.TrimSpace(host+" "+what))
	p.Did(host, what)
}

func printDone(g *globals, verb string, done *postgresql.Done) error {
	if g.con.JSON() {
		return g.con.WriteJSON(done)
	}
	var b strings.Builder
	took := done.Ended.Sub(done.Began).Round(time.Second / 10)
	fmt.Fprintf(&b, "\n%s of %s: %s in %s", verb, done.Environment, done.Result(), took)
	if done.GapSeconds > 0 {
		fmt.Fprintf(&b, ", %.1f s of them without a primary that clients get to", done.GapSeconds)
	}
	b.WriteString("\n")
	for _, problem := range done.Problems {
		b.WriteString("  problem: " + problem + "\n")
	}
	g.con.Print(b.String())
	if len(done.Problems) > 0 {
		g.con.Warn("not everything is as it should be yet; next: infra pg status %s", done.Environment)
	}
	return nil
}

// managedRefusal refuses what only a cluster of hosts has.
func managedRefusal(verb, name string) error {
	return fault.New(fault.Refused, verb+" "+name, fmt.Errorf("its database is run by RDS, which has no %s of its own", verb), "infra pg failover "+name)
}
