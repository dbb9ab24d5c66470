package reconcile

import (
	"context"

	"infra/internal/sandbox/emulator"
)

// keepImages begins to keep the machine images that are not kept yet; r.mu is
// held.
func (r *Reconciler) keepImages(ctx context.Context, images []emulator.Image) {
	for _, image := range images {
		if image.State != "pending" || r.imaging[image.ID] {
			continue
		}
		r.imaging[image.ID] = true
		r.running.Go(func() {
			err := r.machine.Keep(ctx, image.Instance, image.ID)
			if err == nil {
				err = r.emulator.ConfirmImage(ctx, image.ID)
			}
			if err != nil && ctx.Err() == nil {
				r.log.Error("make a machine image", "image", image.ID, "instance", image.Instance, "error", err)
			}
			r.mu.Lock()
			delete(r.imaging, image.ID)
			r.mu.Unlock()
		})
	}
}
