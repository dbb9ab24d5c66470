package ssh

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// Progress tells what is being waited for on a host. It may be nil and may be
// called from several goroutines.
type Progress func(host inventory.Host, message string)

func (p Progress) report(host inventory.Host, message string) {
	if p != nil {
		p(host, message)
	}
}

// TrustedKeys returns the public host keys of every host.
//
// Keys of instances that the record knows come from there, without any call
// to EC2. For the others the cloud is asked for the console output, on which
// cloud-init prints the keys at the first boot; while a console is still
// empty the call waits, at most limit. Then it fails: keys are never taken
// from the network. What was found is added to the record, and instances that
// no longer exist are dropped from it.
func TrustedKeys(ctx context.Context, client *ec2.Client, store Record, hosts []inventory.Host, limit time.Duration, progress Progress) (Keys, error) {
	known, etag, err := store.read(ctx)
	if err != nil {
		return nil, err
	}
	keys := Keys{}
	var unknown []inventory.Host
	for _, h := range hosts {
		if recorded := known.Hosts[h.ID]; len(recorded.Keys) > 0 {
			keys[h.ID] = recorded.Keys
		} else {
			unknown = append(unknown, h)
		}
	}
	if len(unknown) == 0 {
		return keys, nil
	}
	gone, err := vanished(ctx, client, known, hosts)
	if err != nil {
		return nil, err
	}
	found, failure := readConsoles(ctx, client, unknown, limit, progress)
	for id, host := range found {
		keys[id] = host.Keys
	}
	if store.ReadOnly {
		if failure != nil {
			return nil, failure
		}
		return keys, nil
	}
	// What was found is true even when the rest failed, so it is kept.
	saved := store.update(context.WithoutCancel(ctx), known, etag, found, gone)
	if failure == nil {
		failure = saved
	} else if saved != nil {
		failure = errors.Join(failure, saved)
	}
	if failure != nil {
		return nil, failure
	}
	return keys, nil
}

// instances are the instances of those ids that exist, by id.
func instances(ctx context.Context, client *ec2.Client, ids []string) (map[string]types.Instance, error) {
	found := map[string]types.Instance{}
	// A filter instead of ids: an unknown id is then not an error.
	for chunk := range slices.Chunk(ids, 100) {
		pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{
			Filters: []types.Filter{{Name: aws.String("instance-id"), Values: chunk}},
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fault.New(fault.Failed, "describe instances", err, "")
			}
			for _, reservation := range page.Reservations {
				for _, instance := range reservation.Instances {
					found[aws.ToString(instance.InstanceId)] = instance
				}
			}
		}
	}
	return found, nil
}

func stateOf(instance types.Instance) types.InstanceStateName {
	if instance.State == nil {
		return ""
	}
	return instance.State.Name
}

// vanished are the recorded instances outside hosts that are no more.
func vanished(ctx context.Context, client *ec2.Client, known record, hosts []inventory.Host) ([]string, error) {
	var others []string
	for id := range known.Hosts {
		if !slices.ContainsFunc(hosts, func(h inventory.Host) bool { return h.ID == id }) {
			others = append(others, id)
		}
	}
	if len(others) == 0 {
		return nil, nil
	}
	slices.Sort(others)
	alive, err := instances(ctx, client, others)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(others, func(id string) bool {
		instance, exists := alive[id]
		return exists && stateOf(instance) != types.InstanceStateNameTerminated
	}), nil
}

// readConsoles waits until every host's console shows keys. It returns what
// it found also when it fails.
func readConsoles(ctx context.Context, client *ec2.Client, hosts []inventory.Host, limit time.Duration, progress Progress) (map[string]recordedHost, error) {
	const op = "fetch SSH host keys from the console output"
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errNotInTime)
	defer cancel()
	found := map[string]recordedHost{}
	pending := slices.Clone(hosts)
	pause := time.Second
	var last error
	for round := 0; ; round++ {
		launched, err := bootable(ctx, client, pending)
		if err != nil && ctx.Err() == nil {
			return found, err
		}
		consoles, err := fetchConsoles(ctx, client, pending)
		if ctx.Err() == nil {
			last = err
		}
		pending = slices.DeleteFunc(pending, func(h inventory.Host) bool {
			keys := parseConsole(consoles[h.ID])
			if len(keys) == 0 {
				return false
			}
			found[h.ID] = recordedHost{Launched: launched[h.ID], Keys: keys}
			progress.report(h, "host keys read from the console")
			return true
		})
		if len(pending) == 0 {
			return found, nil
		}
		if round%10 == 0 {
			for _, h := range pending {
				progress.report(h, "waiting for host keys on the console")
			}
		}
		if err := sleep(ctx, pause); err != nil {
			return found, late(op, err, last, pending, limit)
		}
		pause = min(pause*5/4, 10*time.Second)
	}
}

var errNotInTime = errors.New("not in time")

func late(op string, err, last error, pending []inventory.Host, limit time.Duration) error {
	if !errors.Is(err, errNotInTime) {
		return fault.New(fault.CodeOf(err), op, err, "")
	}
	labels := make([]string, 0, len(pending))
	for _, h := range pending {
		labels = append(labels, h.Label())
	}
	cause := fmt.Errorf("no host keys on the console of %s within %s; infra does not take keys from the network", strings.Join(labels, ", "), limit)
	if last != nil {
		cause = fmt.Errorf("%w (last answer: %w)", cause, last)
	}
	return fault.New(fault.Hosts, op, cause,
		"aws ec2 get-console-output --latest --instance-id "+pending[0].ID+" shows how far it booted; the console keeps only its last 64 KB, so an instance that lost its record must be replaced")
}

// bootable refuses instances whose console will never show keys, and returns
// the launch times of the others.
func bootable(ctx context.Context, client *ec2.Client, pending []inventory.Host) (map[string]time.Time, error) {
	ids := make([]string, 0, len(pending))
	for _, h := range pending {
		ids = append(ids, h.ID)
	}
	existing, err := instances(ctx, client, ids)
	if err != nil {
		return nil, err
	}
	launched := map[string]time.Time{}
	for _, h := range pending {
		instance, exists := existing[h.ID]
		state := stateOf(instance)
		if !exists || state == types.InstanceStateNameTerminated || state == types.InstanceStateNameShuttingDown {
			return nil, fault.New(fault.Hosts, "fetch the SSH host keys of "+h.Label(), errors.New("the instance does not exist any more"),
				"infra plan shows what the state and the cloud disagree about")
		}
		launched[h.ID] = aws.ToTime(instance.LaunchTime).UTC()
	}
	return launched, nil
}

// fetchConsoles are the hosts' console texts, as far as they can be had, and
// one of the errors of the others.
func fetchConsoles(ctx context.Context, client *ec2.Client, hosts []inventory.Host) (map[string]string, error) {
	consoles := map[string]string{}
	var failure error
	var mutex sync.Mutex
	var group sync.WaitGroup
	slots := make(chan struct{}, 8)
	for _, h := range hosts {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			text, err := console(ctx, client, h.ID)
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				failure = err
				return
			}
			consoles[h.ID] = text
		})
	}
	group.Wait()
	return consoles, failure
}

// console is an instance's console text. The latest text can be had from
// Nitro instances only; others answer with that of their last boot.
func console(ctx context.Context, client *ec2.Client, id string) (string, error) {
	for _, latest := range []bool{true, false} {
		input := &ec2.GetConsoleOutputInput{InstanceId: aws.String(id)}
		if latest {
			input.Latest = aws.Bool(true)
		}
		output, err := client.GetConsoleOutput(ctx, input)
		if err != nil {
			var api smithy.APIError
			unsupported := errors.As(err, &api) && slices.Contains([]string{"UnsupportedOperation", "InvalidParameterCombination", "InvalidParameterValue", "InvalidParameter", "Unsupported"}, api.ErrorCode())
			if latest && unsupported {
				continue
			}
			return "", err
		}
		text, err := base64.StdEncoding.DecodeString(aws.ToString(output.Output))
		if err != nil {
			return "", fmt.Errorf("console output of %s: %w", id, err)
		}
		if latest && len(parseConsole(string(text))) == 0 {
			continue // the buffered text may reach further back
		}
		return string(text), nil
	}
	return "", nil
}
