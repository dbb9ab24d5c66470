//go:build endtoend

package main

import (
	"strings"
	"testing"
)

// TestImageByPacker has Packer make an image of hosts in a sandbox in which
// nothing was applied, and applies the platform with hosts of that image: `make
// image-check`.
func TestImageByPacker(t *testing.T) {
	needsPacker(t)
	p := newPlatform(t)
	image := data[struct{ ID, Name, Owner, Base string }](t, p, "image", "build", "e2e", "--packer", "--name", "packed")
	if !strings.HasPrefix(image.ID, "ami-") || image.Name != "packed" || image.Owner != "123456789012" || !strings.HasPrefix(image.Base, "debian-12-amd64-") {
		t.Errorf("made %+v", image)
	}
	if left := instancesNamed(t, p, "infra-e2e-image-builder"); len(left) > 0 {
		t.Errorf("the host that the image was made of is left: %+v", left)
	}
	pin(t, p, "packed")
	p.run(t, 0, "apply", "e2e", "--auto-approve")
	const host = "zookeeper-1"
	made := instancesNamed(t, p, "infra-e2e-"+host)
	if len(made) != 1 || *made[0].ImageId != image.ID {
		t.Fatalf("%s is not made of %s: %+v", host, image.ID, made)
	}
	if packages := p.on(t, host, "dpkg-query", "--show", "--showformat", "${Package} ", "zookeeper", "postgresql-15", "pgbackrest"); len(strings.Fields(packages)) != 3 {
		t.Errorf("%s has %q", host, packages)
	}
	if one, other := p.on(t, host, "cat", "/etc/machine-id"), p.on(t, "postgresql-1", "cat", "/etc/machine-id"); one == other || len(one) != 32 {
		t.Errorf("the hosts have the identities %q and %q", one, other)
	}
}
