package host

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
)

// Where Debian looks for authorities: the local one's source, and the bundle
// that programs read.
const (
	authorityFile = "/usr/local/share/ca-certificates/infra-sandbox.crt"
	bundleFile    = "/etc/ssl/certs/ca-certificates.crt"
)

// trust adds the sandbox's authority to those that the host trusts.
func (m *Machine) trust(ctx context.Context, instance string) error {
	if len(m.CA) == 0 {
		return nil
	}
	bundle, err := m.read(ctx, instance, bundleFile)
	if err != nil {
		return fmt.Errorf("read the authorities of host %s: %w", instance, err)
	}
	if bytes.Contains(bundle, bytes.TrimSpace(m.CA)) {
		return nil // it is of an image that was made here
	}
	bundle = append(append(bytes.TrimRight(bundle, "\n"), '\n'), m.CA...)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for path, data := range map[string][]byte{authorityFile: m.CA, bundleFile: bundle} {
		header := &tar.Header{Name: strings.TrimPrefix(path, "/"), Mode: 0o644, Size: int64(len(data)), ModTime: time.Now()}
		if err := w.WriteHeader(header); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	if err := m.Docker.CopyToContainer(ctx, instance, "/", &archive, container.CopyToContainerOptions{}); err != nil {
		return fmt.Errorf("hand the sandbox's authority to host %s: %w", instance, err)
	}
	return nil
}

func (m *Machine) read(ctx context.Context, instance, path string) (data []byte, err error) {
	archive, _, err := m.Docker.CopyFromContainer(ctx, instance, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	r := tar.NewReader(archive)
	if _, err := r.Next(); err != nil {
		return nil, err
	}
	var buffer bytes.Buffer
	_, err = buffer.ReadFrom(r)
	return buffer.Bytes(), err
}
