package drill

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
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

// hosts does harm to hosts.
type hosts struct {
	client *ssh.Client
	data   string // the servers' data directory
}

func (h hosts) run(ctx context.Context, host inventory.Host, stdin []byte, argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, commandLimit)
	defer cancel()
	return h.client.Run(ctx, host, bytes.NewReader(stdin), argv...)
}

// root runs a program on a host as root.
func (h hosts) root(ctx context.Context, host inventory.Host, stdin []byte, argv ...string) ([]byte, error) {
	return h.run(ctx, host, stdin, append([]string{"sudo", "-n"}, argv...)...)
}

// harm does one kind of harm to a host for so long and returns when it is
// done. systemd ends it, whatever becomes of infra.
func (h hosts) harm(ctx context.Context, host inventory.Host, kind string, lasts time.Duration, arguments ...string) error {
	if _, err := h.root(ctx, host, faultProgram, "install", "-m", "0755", "/dev/stdin", faultPath); err != nil {
		return fmt.Errorf("prepare %s: %w", kind, err)
	}
	if _, err := h.root(ctx, host, nil, harmCommand(kind, h.data, lasts, arguments)...); err != nil {
		return fmt.Errorf("do %s: %w", kind, err)
	}
	return nil
}

// harmCommand is the call of systemd-run: it returns when the harm is done.
func harmCommand(kind, data string, lasts time.Duration, arguments []string) []string {
	return append([]string{
		"systemd-run", "--quiet", "--collect", "--unit=" + faultUnit + kind, "--service-type=notify",
		"--property=RuntimeMaxSec=" + strconv.Itoa(int(lasts.Seconds())), "--property=TimeoutStartSec=60", "--property=TimeoutStopSec=20",
		"--property=ExecStopPost=/usr/bin/python3 -I " + faultPath + " heal " + data,
		"/usr/bin/python3", "-I", faultPath, kind,
	}, arguments...)
}

// kill kills the server of a host as if memory had run out.
func (h hosts) kill(ctx context.Context, host inventory.Host) error {
	_, err := h.root(ctx, host, faultProgram, "python3", "-I", "-", "kill", h.data)
	return err
}

// heal ends every harm on the hosts that can be reached.
func (h hosts) heal(ctx context.Context, all []inventory.Host) error {
	var group sync.WaitGroup
	errs := make([]error, len(all))
	for i, host := range all {
		group.Go(func() {
			if _, err := h.root(ctx, host, nil, "systemctl", "stop", faultUnit+"*.service"); err != nil {
				errs[i] = err
				return
			}
			_, errs[i] = h.root(ctx, host, faultProgram, "python3", "-I", "-", "heal", h.data)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}
