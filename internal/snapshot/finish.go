package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// finish makes the volume of the last snapshot and tries whether a server
// recovers from it.
func (c *Chain) finish(ctx context.Context, s state, r *Result) error {
	if _, err := await(ctx, c.EC2, s.final.ID, c.Poll, func(progress string) { c.Live("the last snapshot: %s stored", progress) }); err != nil {
		return c.fail("wait for the last snapshot", err)
	}
	client, id := c.EC2, s.final.ID
	if c.Target != nil {
		copied, err := c.copyOf(ctx, s, r)
		if err != nil {
			return c.fail("copy the last snapshot", err)
		}
		client, id = c.Target, copied
	}
	r.Snapshot = id
	began := time.Now()
	var err error
	r.Volume, err = makeVolume(ctx, client, id, c.TargetZone, map[string]string{
		"Name": c.Environment + "-" + c.Source.Name + "-moved", "environment": c.Environment, tagRun: c.ID, tagChain: s.id,
	}, c.Poll)
	if err != nil {
		return c.fail("make a volume", err)
	}
	r.Create = time.Since(began)
	c.Tell("volume %s in %s was made of it in %s", r.Volume, c.TargetZone, Text(r.Create))
	if c.CheckOn != nil {
		r.Recovered, r.Cleanup, err = c.try(ctx, s.final.ID)
		c.Live("")
		if err != nil {
			return c.fail("recover the last snapshot on "+c.CheckOn.Name, errors.Join(err, r.Cleanup))
		}
		r.Recovered.Source = s.answer
		c.Tell("a server recovered from it on %s in %s", c.CheckOn.Name, Text(r.Recovered.Took))
	}
	r.Downtime = r.downtime()
	return mark(context.WithoutCancel(ctx), c.EC2, s.final.ID, tagDone, c.ID)
}

// downtime is the time in which nobody could have written, had clients been
// sent away when the last snapshot began.
func (r *Result) downtime() time.Duration {
	total := r.Create
	if len(r.Taken) > 0 {
		last := r.Taken[len(r.Taken)-1]
		total += last.Still + last.Took + last.Copied
	}
	if r.Recovered != nil {
		total += r.Recovered.Took
	}
	return total
}

// copyOf is the copy of the last snapshot; one that an interrupted run did not
// get to is made now.
func (c *Chain) copyOf(ctx context.Context, s state, r *Result) (string, error) {
	if n := len(r.Taken); n > 0 && r.Taken[n-1].CopyID != "" {
		return r.Taken[n-1].CopyID, nil
	}
	id, _, err := c.copy(ctx, &s, Taken{ID: s.final.ID, Step: s.final.Step})
	return id, err
}

// ask asks the source the probe.
func (c *Chain) ask(ctx context.Context) (string, error) {
	output, err := c.Run(ctx, c.Source, strings.NewReader(c.Probe+";\n"), "sudo", "-n", "-u", "postgres",
		"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", c.Database)
	if err != nil {
		return "", fmt.Errorf("ask %s the probe: %w", c.Source.Name, err)
	}
	return strings.TrimSpace(string(output)), nil
}
