package host

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"infra/internal/sandbox/emulator"
)

// kept is the engine's name of a machine image that was made of a host.
func kept(ami string) string { return "infra-ami:" + ami }

// Keep makes a machine image of a host: its root file system without what is
// mounted there, volumes above all. A host that runs stands still meanwhile.
func (m *Machine) Keep(ctx context.Context, instance, ami string) error {
	if _, err := m.Docker.ContainerCommit(ctx, instance, container.CommitOptions{Reference: kept(ami), Pause: true}); err != nil {
		return fmt.Errorf("make image %s of host %s: %w", ami, instance, err)
	}
	return nil
}

// imageOf is the engine's image that an instance starts from: one that was made
// of a host, or else the host image, whatever Debian image was asked for.
func (m *Machine) imageOf(ctx context.Context, instance emulator.Instance) (string, error) {
	_, err := m.Docker.ImageInspect(ctx, kept(instance.Image))
	if errdefs.IsNotFound(err) {
		return m.Image, nil
	}
	if err != nil {
		return "", fmt.Errorf("look for image %s of host %s: %w", instance.Image, instance.ID, err)
	}
	return kept(instance.Image), nil
}
