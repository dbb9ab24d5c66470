// Package drill is what every drill needs: harm that is done to hosts and
// ends by itself, their machines in EC2, and the picture of what was seen.
//
// Harm on a host is a transient systemd service with a time limit that takes
// back what it did when it ends, however it ends. A drill that dies leaves
// nothing that lasts.
package drill

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"infra/internal/inventory"
	"infra/internal/ssh"
)

//go:embed files/fault.py
var faultProgram []byte

const (
	faultPath = "/run/infra-drill-fault.py" // gone after a reboot, as the services are
	faultUnit = "infra-drill-"
)

// commandLimit bounds a command on a host: one that has gone away does not
// say so.
const commandLimit = time.Minute

// Hosts does harm to hosts.
type Hosts struct {
	Client  *ssh.Client
	Program string   // name of the server's executable
	Folders []string // of the server: what is done to them is undone, too
}

// Run runs a program on a host, for a minute at most.
func (h Hosts) Run(ctx context.Context, host inventory.Host, stdin []byte, argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	return h.Client.Run(ctx, host, bytes.NewReader(stdin), argv...)
}

// Root runs a program on a host as root.
func (h Hosts) Root(ctx context.Context, host inventory.Host, stdin []byte, argv ...string) ([]byte, error) {
	return h.Run(ctx, host, stdin, append([]string{"sudo", "-n"}, argv...)...)
}

// Harm does one kind of harm to a host for so long and returns when it is
// done. systemd ends it, whatever becomes of infra.
func (h Hosts) Harm(ctx context.Context, host inventory.Host, kind string, lasts time.Duration, arguments ...string) error {
	if _, err := h.Root(ctx, host, faultProgram, "install", "-m", "0755", "/dev/stdin", faultPath); err != nil {
		return fmt.Errorf("prepare %s: %w", kind, err)
	}
	if _, err := h.Root(ctx, host, nil, h.command(kind, lasts, arguments)...); err != nil {
		return fmt.Errorf("do %s: %w", kind, err)
	}
	return nil
}

// command is the call of systemd-run: it returns when the harm is done.
func (h Hosts) command(kind string, lasts time.Duration, arguments []string) []string {
	heal := append([]string{"/usr/bin/python3", "-I", faultPath}, h.heal()...)
	return append([]string{
		"systemd-run", "--quiet", "--collect", "--unit=" + faultUnit + kind, "--service-type=notify",
		"--property=RuntimeMaxSec=" + strconv.Itoa(int(lasts.Seconds())), "--property=TimeoutStartSec=60", "--property=TimeoutStopSec=20",
		"--property=ExecStopPost=" + strings.Join(heal, " "),
		"/usr/bin/python3", "-I", faultPath, kind,
	}, arguments...)
}

func (h Hosts) heal() []string { return append([]string{"heal", h.Program}, h.Folders...) }

// Install installs a package that the drill needs on a host.
func (h Hosts) Install(ctx context.Context, host inventory.Host, name string) error {
	const limit = 5 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if _, err := h.Client.Run(ctx, host, nil, "sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive",
		"apt-get", "install", "--yes", "--no-install-recommends", name); err != nil {
		return fmt.Errorf("install %s on %s: %w", name, host.Label(), err)
	}
	return nil
}

// Now does one kind of harm that is done at once and not taken back.
func (h Hosts) Now(ctx context.Context, host inventory.Host, kind string, arguments ...string) error {
	_, err := h.Root(ctx, host, faultProgram, append([]string{"python3", "-I", "-", kind}, arguments...)...)
	return err
}

// Heal ends every harm on the hosts that can be reached.
func (h Hosts) Heal(ctx context.Context, all []inventory.Host) error {
	var group sync.WaitGroup
	errs := make([]error, len(all))
	for i, host := range all {
		group.Go(func() {
			if _, err := h.Root(ctx, host, nil, "systemctl", "stop", faultUnit+"*.service"); err != nil {
				errs[i] = err
				return
			}
			_, errs[i] = h.Root(ctx, host, faultProgram, append([]string{"python3", "-I", "-"}, h.heal()...)...)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
