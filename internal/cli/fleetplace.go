package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/rollout"
	"infra/internal/temporal"
)

// fleetPlace says where a roll-out is carried out: on this machine, or by the
// workers of a Temporal server.
type fleetPlace struct {
	on        string
	address   string
	namespace string
	queue     string
}

const onTemporal = "temporal"

func fleetPlaceFlags(cmd *cobra.Command, o *fleetPlace) {
	cmd.Flags().StringVar(&o.on, "on", "", "temporal: workers apply, and a Temporal server remembers how far it is (default: this machine)")
	temporalFlags(cmd, o)
}

// temporalFlags say which server. Keys and certificates are in the environment
// variables of Temporal's own tools.
func temporalFlags(cmd *cobra.Command, o *fleetPlace) {
	flags := cmd.Flags()
	flags.StringVar(&o.address, "address", "", "`HOST:PORT` of Temporal (default: TEMPORAL_ADDRESS); its keys are in TEMPORAL_API_KEY, TEMPORAL_TLS_CLIENT_CERT_PATH and the like")
	flags.StringVar(&o.namespace, "namespace", "", "namespace in Temporal (default: TEMPORAL_NAMESPACE, or default)")
	flags.StringVar(&o.queue, "task-queue", "infra", "task queue that the workers look at")
}

// elsewhere tells whether the roll-out is on Temporal.
func (o fleetPlace) elsewhere() (bool, error) {
	switch {
	case o.on == onTemporal:
		return true, nil
	case o.on != "":
		return false, fault.New(fault.Usage, "", fmt.Errorf("--on is %q, it can be temporal", o.on), "leave it out, for this machine")
	case o.address != "" || o.namespace != "":
		return false, fault.New(fault.Usage, "", errors.New("--address and --namespace are of Temporal"), "add --on temporal")
	default:
		return false, nil
	}
}

// connect finds the server.
func (o fleetPlace) connect(ctx context.Context, g *globals) (*temporal.Client, error) {
	return temporal.Connect(ctx, temporal.Server{Address: o.address, Namespace: o.namespace, Queue: o.queue, Say: g.con.Detail})
}

// with does something about a roll-out on Temporal. It has to be named: only
// this machine has a newest one.
func (o fleetPlace) with(ctx context.Context, g *globals, id string, do func(*temporal.Client) error) error {
	if id == "" {
		return fault.New(fault.Usage, "find the roll-out", errors.New("on Temporal it has to be named"), "infra fleet status ID --on temporal: infra fleet apply has said its id")
	}
	c, err := o.connect(ctx, g)
	if err != nil {
		return err
	}
	defer c.Close()
	return do(c)
}

// flags are what to add to a command about the same place.
func (o fleetPlace) flags() string {
	if o.on == "" {
		return ""
	}
	text := " --on temporal"
	if o.address != "" {
		text += " --address " + o.address
	}
	if o.namespace != "" {
		text += " --namespace " + o.namespace
	}
	return text
}

// begin begins a roll-out on Temporal and follows it.
func (o fleetPlace) begin(ctx context.Context, g *globals, r *fleet.Rollout) error {
	return o.with(ctx, g, r.ID, func(c *temporal.Client) error {
		if err := c.Start(ctx, r); err != nil {
			return err
		}
		return o.follow(ctx, g, c, r)
	})
}

// glance is how often a roll-out on Temporal is looked at.
const glance = time.Second

// follow shows a roll-out until it ends. It goes on without anybody who
// follows, so a Ctrl-C only ends the following.
func (o fleetPlace) follow(ctx context.Context, g *globals, c *temporal.Client, r *fleet.Rollout) error {
	g.con.Step("roll-out %s on Temporal; it goes on without this command: infra fleet status %[1]s%s", r.ID, o.flags())
	doing := map[string]string{}
	w := watcher(g, r, o.flags(), func(name string) string { return doing[name] })
	silent := false
	for {
		now, at, err := c.Status(ctx, r.ID)
		switch {
		case ctx.Err() != nil:
		case err != nil && !silent:
			silent = true
			g.con.Warn("%v; waiting", err)
		case err == nil:
			silent, doing = false, at
			tellNews(w, r, now)
			*r = *now
			w.Tick()
		}
		if err == nil && !r.Ended.IsZero() {
			return tellFleet(g, r, o.flags())
		}
		select {
		case <-ctx.Done():
			g.con.Live("")
			return fault.New(fault.Interrupted, "follow roll-out "+r.ID, errors.New("it goes on without this command"),
				fmt.Sprintf("infra fleet status %s%s; infra fleet pause %[1]s%[2]s", r.ID, o.flags()))
		case <-time.After(glance):
		}
	}
}

// tellNews tells what has happened between two looks.
func tellNews(w rollout.Watcher, before, now *fleet.Rollout) {
	for i, e := range now.Environments {
		was := before.Environments[i]
		if was.State == e.State && was.Begun.Equal(e.Begun) {
			continue
		}
		if e.State == fleet.Running || was.State == fleet.Waiting {
			w.Began(e)
		}
		if !e.Ended.IsZero() {
			w.Ended(e)
		}
	}
}

// status shows a roll-out on Temporal.
func (o fleetPlace) status(ctx context.Context, g *globals, id string) error {
	return o.with(ctx, g, id, func(c *temporal.Client) error {
		r, doing, err := c.Status(ctx, id)
		if err != nil {
			return err
		}
		return showFleet(g, r, func(name string) string { return doing[name] })
	})
}

// pause lets a roll-out on Temporal begin nothing more.
func (o fleetPlace) pause(ctx context.Context, g *globals, id string) error {
	return o.with(ctx, g, id, func(c *temporal.Client) error {
		if err := c.Pause(ctx, id, true); err != nil {
			return err
		}
		g.con.Step("roll-out %s is paused", id)
		return nil
	})
}

// resume lets a paused roll-out go on, takes up one that has ended, and
// follows it.
func (o fleetPlace) resume(ctx context.Context, g *globals, id string, how fleetResumeOptions) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	return o.with(ctx, g, id, func(c *temporal.Client) error {
		r, _, err := c.Status(ctx, id)
		if err != nil {
			return err
		}
		if r.Ended.IsZero() {
			if err := how.unchanged(id); err != nil {
				return err
			}
			err = c.Pause(ctx, id, false)
		} else if err = how.again(ctx, g, project, r); err == nil {
			err = c.Start(ctx, r)
		}
		if err != nil {
			return err
		}
		return o.follow(ctx, g, c, r)
	})
}
