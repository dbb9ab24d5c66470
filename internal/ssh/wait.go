package ssh

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// Wait returns when every host answers over SSH, the bastion first because
// the others are behind it. A host that shows a wrong key ends the wait at
// once; one whose instance is stopped or gone is not waited for. A host that
// does not answer within limit is named together with what EC2 says about the
// likely reason. All failing hosts are reported, not only the first.
func (c *Client) Wait(ctx context.Context, hosts []inventory.Host, limit time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errNotInTime)
	defer cancel()
	bastion, jumps := c.bastion()
	if jumps = jumps && c.settings.Access != SSM && len(hosts) > 0; jumps {
		if err := c.await(ctx, bastion); err != nil {
			return c.explain(ctx, []error{err}, limit)
		}
	}
	failures := make([]error, len(hosts))
	var group sync.WaitGroup
	for i, h := range hosts {
		if jumps && h.ID == bastion.ID {
			continue
		}
		group.Go(func() {
			failures[i] = c.await(ctx, h)
			var wrong *HostKeyError
			if errors.As(failures[i], &wrong) {
				cancel()
			}
		})
	}
	group.Wait()
	return c.explain(ctx, failures, limit)
}

// await tries one host until it answers, shows a wrong key or time is over.
func (c *Client) await(ctx context.Context, host inventory.Host) error {
	pause := 500 * time.Millisecond
	unreachable := &UnreachableError{Host: host, Reason: "no answer"}
	for attempt := 0; ; attempt++ {
		_, err := c.Run(ctx, host, nil, "true")
		var wrong *HostKeyError
		var failed *UnreachableError
		switch {
		case err == nil:
			c.settings.Progress.report(host, "answers over SSH")
			return nil
		case errors.As(err, &wrong):
			return err
		case errors.As(err, &failed):
			unreachable = failed
		case ctx.Err() == nil:
			unreachable = &UnreachableError{Host: host, Reason: err.Error()}
		}
		if attempt%10 == 0 && ctx.Err() == nil {
			if c.hopeless(ctx, host) {
				return unreachable
			}
			c.settings.Progress.report(host, "waiting for SSH")
		}
		if err := sleep(ctx, pause); err != nil {
			if errors.Is(err, errNotInTime) {
				return unreachable
			}
			return err
		}
		pause = min(pause*5/4, 5*time.Second)
	}
}

// hopeless says whether EC2 knows that the host will not come up by itself.
// What cannot be asked is no reason to give up.
func (c *Client) hopeless(ctx context.Context, host inventory.Host) bool {
	if c.settings.EC2 == nil {
		return false
	}
	found, err := instances(ctx, c.settings.EC2, []string{host.ID})
	if err != nil {
		return false
	}
	instance, exists := found[host.ID]
	dead := []types.InstanceStateName{types.InstanceStateNameStopped, types.InstanceStateNameShuttingDown, types.InstanceStateNameTerminated}
	return !exists || slices.Contains(dead, stateOf(instance))
}

// explain joins the failures into one error: wrong keys alone if there are
// any, else every unreachable host with its diagnosis.
func (c *Client) explain(ctx context.Context, failures []error, limit time.Duration) error {
	failures = slices.DeleteFunc(slices.Clone(failures), func(err error) bool { return err == nil })
	if len(failures) == 0 {
		return nil
	}
	wrong := slices.DeleteFunc(slices.Clone(failures), func(err error) bool {
		var key *HostKeyError
		return !errors.As(err, &key)
	})
	op := "wait for the hosts of environment " + c.settings.Environment
	if len(wrong) > 0 {
		return fault.New(fault.Hosts, op, errors.Join(wrong...), fault.HintOf(wrong[0]))
	}
	var causes []error
	var first inventory.Host
	for _, failure := range failures {
		var unreachable *UnreachableError
		if !errors.As(failure, &unreachable) {
			return fault.New(fault.CodeOf(failure), op, failure, "") // cancelled from outside
		}
		if len(causes) == 0 {
			first = unreachable.Host
		}
		causes = append(causes, fmt.Errorf("%w%s", unreachable, c.diagnosis(ctx, unreachable.Host)))
	}
	cause := errors.Join(causes...)
	if errors.Is(context.Cause(ctx), errNotInTime) {
		cause = fmt.Errorf("not within %s: %w", limit, cause)
	}
	return fault.New(fault.Hosts, op, cause,
		fmt.Sprintf("aws ec2 get-console-output --latest --output text --instance-id %s; then infra configure %s", first.ID, c.settings.Environment))
}

// diagnosis is what EC2 knows about a host that does not answer, as a suffix
// of the error text.
func (c *Client) diagnosis(ctx context.Context, host inventory.Host) string {
	if c.settings.EC2 == nil {
		return ""
	}
	// Time is over for the wait, not for finding out why.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	findings, err := Diagnose(ctx, c.settings.EC2, host, c.settings.Access)
	if err != nil {
		return fmt.Sprintf(" (and EC2 could not be asked why: %v)", err)
	}
	return "; " + strings.Join(findings, "; ")
}
