package emulator_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/sandbox/emulator"
)

// volumeSnapshot waits until the emulator's snapshot shows one of the volume,
// or a copy of another.
func volumeSnapshot(t *testing.T, volume, source string) emulator.VolumeSnapshot {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, s := range snapshot(t).VolumeSnapshots {
			if s.Volume == volume && s.Source == source {
				return s
			}
		}
	}
	t.Fatal("the snapshot does not appear")
	return emulator.VolumeSnapshot{}
}

func TestCorrection15SnapshotsTakeTheirTime(t *testing.T) {
	p := newPlace(t)
	volume := must[*ec2.CreateVolumeOutput](t)(p.ec2.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String(region + "a"), Size: aws.Int32(3)}))
	progress := func(id string, percent int) {
		t.Helper()
		if err := shared.Client().ConfirmSnapshot(t.Context(), id, emulator.SnapshotProgress{Percent: percent, Bytes: 1 << 20}); err != nil {
			t.Fatal(err)
		}
	}
	describe := func(client *ec2.Client, id string) types.Snapshot {
		t.Helper()
		return must[*ec2.DescribeSnapshotsOutput](t)(client.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{SnapshotIds: []string{id}})).Snapshots[0]
	}

	answered := make(chan *ec2.CreateSnapshotOutput, 1)
	go func() {
		created, err := p.ec2.CreateSnapshot(t.Context(), &ec2.CreateSnapshotInput{VolumeId: volume.VolumeId})
		if err != nil {
			t.Error(err)
		}
		answered <- created
	}()
	one := volumeSnapshot(t, *volume.VolumeId, "")
	if one.Taken || one.State != "pending" || one.SizeGB != 3 || one.Region != region {
		t.Errorf("%+v", one)
	}
	select {
	case <-answered:
		t.Error("CreateSnapshot answered before the bytes were kept")
	case <-time.After(200 * time.Millisecond):
	}
	progress(one.ID, 0)
	if created := <-answered; created.State != types.SnapshotStatePending || *created.SnapshotId != one.ID {
		t.Errorf("%+v", created)
	}
	progress(one.ID, 40)
	if got := describe(p.ec2, one.ID); got.State != types.SnapshotStatePending || *got.Progress != "40%" || got.CompletionTime != nil {
		t.Errorf("%+v", got)
	}
	_, err := p.ec2.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String(region + "a"), SnapshotId: &one.ID})
	if got := codeOf(err); got != "IncorrectState" {
		t.Errorf("a volume of a pending snapshot: %q", got)
	}
	progress(one.ID, 100)
	if got := describe(p.ec2, one.ID); got.State != types.SnapshotStateCompleted || got.CompletionTime == nil || aws.ToInt64(got.FullSnapshotSizeInBytes) != 1<<20 {
		t.Errorf("%+v", got)
	}
	made := must[*ec2.CreateVolumeOutput](t)(p.ec2.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String(region + "b"), SnapshotId: &one.ID}))
	for _, v := range snapshot(t).Volumes {
		if v.ID == *made.VolumeId && (v.Snapshot != one.ID || v.SizeGB != 3) {
			t.Errorf("%+v", v)
		}
	}

	elsewhere := ec2.New(p.ec2.Options(), func(o *ec2.Options) { o.Region = "eu-central-1" })
	copied := make(chan string, 1)
	go func() {
		made, err := elsewhere.CopySnapshot(t.Context(), &ec2.CopySnapshotInput{SourceRegion: aws.String(region), SourceSnapshotId: &one.ID})
		if err != nil {
			t.Error(err)
		}
		copied <- aws.ToString(made.SnapshotId)
	}()
	two := volumeSnapshot(t, *volume.VolumeId, one.ID)
	progress(two.ID, 100)
	if id := <-copied; id != two.ID || two.Region != "eu-central-1" {
		t.Errorf("copied to %q, %+v", id, two)
	}
	if got := describe(elsewhere, two.ID); got.State != types.SnapshotStateCompleted {
		t.Errorf("%+v", got)
	}
}
