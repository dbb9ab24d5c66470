package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// The tags by which a later run knows what an earlier one has made.
const (
	tagRun         = "infra-run"
	tagChain       = "infra-chain"
	tagStep        = "infra-chain-step"
	tagBase        = "infra-chain-base"        // of the first snapshot: what the chain stands on
	tagConsistency = "infra-chain-consistency" // of the last snapshot, once the database stood still for it
	tagDone        = "infra-chain-done"        // of the last snapshot, once everything was made and checked
	nothing        = "none"
)

// Link is a snapshot of a chain, as EC2 has it.
type Link struct {
	ID          string
	Chain       string
	Step        int
	Base        string // what the first snapshot of the chain stands on, "" for the others
	Consistency string
	Done        bool
	State       types.SnapshotState
	Started     time.Time
	Completed   time.Time // zero while unknown
	Whole       int64     // bytes of the volume that hold something, 0 while unknown
}

func linkOf(s types.Snapshot) Link {
	tags := map[string]string{}
	for _, tag := range s.Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	step, err := strconv.Atoi(tags[tagStep])
	if err != nil {
		step = 0
	}
	return Link{
		ID: aws.ToString(s.SnapshotId), Chain: tags[tagChain], Step: step, Base: tags[tagBase], Consistency: tags[tagConsistency], Done: tags[tagDone] != "",
		State: s.State, Started: aws.ToTime(s.StartTime), Completed: aws.ToTime(s.CompletionTime), Whole: aws.ToInt64(s.FullSnapshotSizeInBytes),
	}
}

// Links are the snapshots of a volume that are there or are being made, the
// oldest first, those of no chain too.
func Links(ctx context.Context, client *ec2.Client, volume string) ([]Link, error) {
	var links []Link
	pages := ec2.NewDescribeSnapshotsPaginator(client, &ec2.DescribeSnapshotsInput{
		OwnerIds: []string{"self"}, Filters: []types.Filter{{Name: aws.String("volume-id"), Values: []string{volume}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the snapshots of %s: %w", volume, err)
		}
		for _, s := range page.Snapshots {
			if s.State == types.SnapshotStatePending || s.State == types.SnapshotStateCompleted {
				links = append(links, linkOf(s))
			}
		}
	}
	slices.SortFunc(links, func(a, b Link) int { return a.Started.Compare(b.Started) })
	return links, nil
}

func tagged(kind types.ResourceType, tags map[string]string) []types.TagSpecification {
	specification := types.TagSpecification{ResourceType: kind}
	for key, value := range tags {
		specification.Tags = append(specification.Tags, types.Tag{Key: aws.String(key), Value: aws.String(value)})
	}
	return []types.TagSpecification{specification}
}

func mark(ctx context.Context, client *ec2.Client, id, key, value string) error {
	_, err := client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String(key), Value: aws.String(value)}}})
	if err != nil {
		return fmt.Errorf("tag %s: %w", id, err)
	}
	return nil
}

// describe is one snapshot.
func describe(ctx context.Context, client *ec2.Client, id string) (types.Snapshot, error) {
	found, err := client.DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: []string{id}})
	if err == nil && len(found.Snapshots) != 1 {
		err = errors.New("it does not exist any more")
	}
	if err != nil {
		return types.Snapshot{}, fmt.Errorf("ask for snapshot %s: %w", id, err)
	}
	return found.Snapshots[0], nil
}

// await waits until a snapshot is complete. tell gets how far it is.
func await(ctx context.Context, client *ec2.Client, id string, every time.Duration, tell func(progress string)) (types.Snapshot, error) {
	for {
		s, err := describe(ctx, client, id)
		if err != nil {
			return s, err
		}
		switch s.State {
		case types.SnapshotStateCompleted:
			return s, nil
		case types.SnapshotStatePending:
		default:
			return s, fmt.Errorf("snapshot %s is %s: %s", id, s.State, aws.ToString(s.StateMessage))
		}
		tell(aws.ToString(s.Progress))
		if err := sleep(ctx, every); err != nil {
			return s, err
		}
	}
}

// makeVolume makes a volume of a snapshot in a zone and waits for it.
func makeVolume(ctx context.Context, client *ec2.Client, snapshot, zone string, tags map[string]string, every time.Duration) (string, error) {
	made, err := client.CreateVolume(ctx, &ec2.CreateVolumeInput{
		SnapshotId: &snapshot, AvailabilityZone: &zone, VolumeType: types.VolumeTypeGp3,
		TagSpecifications: tagged(types.ResourceTypeVolume, tags),
	})
	if err != nil {
		return "", fmt.Errorf("make a volume of %s: %w", snapshot, err)
	}
	id := aws.ToString(made.VolumeId)
	return id, volumeState(ctx, client, id, types.VolumeStateAvailable, every)
}

func volumeState(ctx context.Context, client *ec2.Client, id string, wanted types.VolumeState, every time.Duration) error {
	for {
		found, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{VolumeIds: []string{id}})
		if err != nil || len(found.Volumes) != 1 {
			return fmt.Errorf("ask for volume %s: %w", id, err)
		}
		switch state := found.Volumes[0].State; state {
		case wanted:
			return nil
		case types.VolumeStateError:
			return fmt.Errorf("volume %s is in error", id)
		}
		if err := sleep(ctx, every); err != nil {
			return err
		}
	}
}

// freeDevice is a device name that no volume of the instance has.
func freeDevice(ctx context.Context, client *ec2.Client, instance string) (string, error) {
	found, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{instance}})
	if err != nil || len(found.Reservations) != 1 || len(found.Reservations[0].Instances) != 1 {
		return "", fmt.Errorf("ask for instance %s: %w", instance, err)
	}
	var taken []string
	for _, mapping := range found.Reservations[0].Instances[0].BlockDeviceMappings {
		taken = append(taken, strings.Replace(aws.ToString(mapping.DeviceName), "/dev/xvd", "/dev/sd", 1))
	}
	for letter := 'f'; letter <= 'p'; letter++ {
		if name := "/dev/sd" + string(letter); !slices.Contains(taken, name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("instance %s has no device name left", instance)
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// FirstZone is a zone of the client's region.
func FirstZone(ctx context.Context, client *ec2.Client) (string, error) {
	found, err := client.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil || len(found.AvailabilityZones) == 0 {
		return "", fmt.Errorf("list the zones: %w", err)
	}
	return aws.ToString(found.AvailabilityZones[0].ZoneName), nil
}

// Known is the throughput that earlier chains of the volume have shown: the
// slowest of their snapshots that stored everything.
func Known(links []Link, overhead time.Duration) (float64, bool) {
	var slowness []float64
	for _, l := range links {
		took := l.Completed.Sub(l.Started)
		if l.Base == nothing && l.Whole > 0 && !l.Completed.IsZero() && took > overhead {
			slowness = append(slowness, (took-overhead).Seconds()/float64(l.Whole))
		}
	}
	slow := Percentile(slowness, 0.95)
	return 1 / max(slow, 1e-12), slow > 0
}
