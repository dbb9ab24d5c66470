package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"infra/internal/sandbox/emulator"
	"infra/internal/sandbox/volume"
)

// What storing a snapshot takes: as on EBS, changed blocks alone count, and
// there is an overhead.
const (
	snapshotOverhead = 2 * time.Second
	snapshotRate     = 16 << 20 // bytes/s
)

// imagine begins to make the snapshots that have no image yet; r.mu is held.
func (r *Reconciler) imagine(ctx context.Context, snapshots []emulator.VolumeSnapshot) {
	for _, s := range snapshots {
		if s.State != "pending" || r.imaging[s.ID] {
			continue
		}
		r.imaging[s.ID] = true
		r.running.Go(func() {
			if err := r.store(ctx, s); err != nil && ctx.Err() == nil {
				r.log.Error("make a snapshot", "snapshot", s.ID, "volume", s.Volume, "error", err)
			}
			r.mu.Lock()
			delete(r.imaging, s.ID)
			r.mu.Unlock()
		})
	}
}

// store keeps the bytes of a snapshot at once, and says that they are stored
// when EBS would.
func (r *Reconciler) store(ctx context.Context, s emulator.VolumeSnapshot) error {
	if !s.Taken {
		if err := r.takeImage(ctx, s); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := r.emulator.ConfirmSnapshot(ctx, s.ID, emulator.SnapshotProgress{}); err != nil {
		return err
	}
	whole, err := r.volumes.Changed(s.ID, "")
	if err != nil {
		return err
	}
	changed, err := r.volumes.Changed(s.ID, r.base(s))
	if err != nil {
		return err
	}
	took := snapshotOverhead + time.Duration(float64(changed)/snapshotRate*float64(time.Second))
	r.log.Info("snapshot", "snapshot", s.ID, "volume", s.Volume, "changed", changed, "takes", took)
	for ticks := time.Tick(max(took/10, 200*time.Millisecond)); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks:
		}
		percent := min(100, int(100*time.Since(began)/took))
		if err := r.emulator.ConfirmSnapshot(ctx, s.ID, emulator.SnapshotProgress{Percent: percent, Bytes: whole}); err != nil || percent == 100 {
			return err
		}
	}
}

// base is the newest complete snapshot of the volume in the same region, "" for
// none: what it holds is not stored again.
func (r *Reconciler) base(s emulator.VolumeSnapshot) string {
	var newest emulator.VolumeSnapshot
	for _, other := range r.state.Load().snapshot.VolumeSnapshots {
		if other.Volume == s.Volume && other.Region == s.Region && other.ID != s.ID && other.State == "completed" &&
			other.Started.Before(s.Started) && other.Started.After(newest.Started) {
			newest = other
		}
	}
	return newest.ID
}

// takeImage copies what the volume holds. EBS does that at one moment; here
// the file system on the volume, if a host has it mounted, stands still
// meanwhile. That also writes what the host still had in memory, which EBS
// does not: what has to be flushed before a snapshot is proven on AWS only.
func (r *Reconciler) takeImage(ctx context.Context, s emulator.VolumeSnapshot) (err error) {
	if s.Source != "" {
		return r.volumes.CopyImage(s.Source, s.ID)
	}
	v, found := r.findVolume(s.Volume)
	if !found {
		return fmt.Errorf("volume %s does not exist", s.Volume)
	}
	if v.Instance != "" {
		status, err := r.machine.Status(ctx, v.Instance)
		if err != nil {
			return err
		}
		device, err := r.volumes.Attach(v.ID, v.SizeGB, v.Snapshot)
		if err != nil {
			return err
		}
		thaw, err := volume.Freeze(status.PID, device)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, thaw()) }()
	}
	return r.volumes.Image(v.ID, v.SizeGB, s.ID)
}

// exists says whether a volume exists, or a snapshot, or a volume that was made
// of a snapshot and may still need its bytes.
func (r *Reconciler) exists(id string) bool {
	now := r.state.Load().snapshot
	return slices.ContainsFunc(now.Volumes, func(v emulator.Volume) bool { return v.ID == id || v.Snapshot == id }) ||
		slices.ContainsFunc(now.VolumeSnapshots, func(s emulator.VolumeSnapshot) bool { return s.ID == id })
}
