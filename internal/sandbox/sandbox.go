// Package sandbox is the local cloud: an AWS API emulator and a real Linux
// host for every EC2 instance, in a network of their own on one machine.
//
// A detached daemon (Serve) holds everything. It lives as long as the sandbox:
// the emulator keeps its resources in memory, so ending it ends the cloud. What
// it makes is written down in a record, so that Down finds and removes all of
// it even when the daemon was killed.
package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"infra/internal/fault"
	"infra/internal/sandbox/engine"
	"infra/internal/sandbox/network"
)

// Config says which sandbox is meant. Every path is absolute.
type Config struct {
	Project    string // the folder with environments/ and terraform/
	Dir        string // <project>/.infra/sandbox
	Endpoint   string // of the AWS API: http://127.0.0.1:<port>
	Account    string // 12 digits
	Region     string
	Python     string // the folder of the python that has moto
	Executable string // the daemon's program, started with serveArguments

	Environment string // name of the emulated environment that it serves
	File        string // its file, for hints

	Lifetime Lifetime // of the sandbox that Up starts, or finds
	Discard  []string // files and folders that go with it: what a clone has of its own
}

// command is what to type to do something with this sandbox.
func (c Config) command(verb string) string {
	if c.Environment == "" || c.Environment == usual {
		return "infra sandbox " + verb
	}
	return "infra sandbox " + verb + " --environment " + c.Environment
}

// usual is the environment that a sandbox serves when none is named.
const usual = "sandbox"

// serveArguments are the daemon's command line.
func (c Config) serveArguments() []string {
	arguments := []string{"sandbox", "serve", "--directory", c.Project}
	if c.Environment != "" {
		arguments = append(arguments, "--environment", c.Environment)
	}
	return arguments
}

// file is where the endpoint is set.
func (c Config) file() string { return cmp.Or(c.File, "the environment's file") }

// layout is the sandbox's identity; its number is known once it runs.
func (c Config) layout() network.Layout { return network.Layout{ID: network.ID(c.Dir)} }

func (c Config) runDir() string       { return "/run/infra-" + c.layout().ID }
func (c Config) dataDir() string      { return "/var/lib/infra-" + c.layout().ID }
func (c Config) volumesDir() string   { return filepath.Join(c.Dir, "volumes") }
func (c Config) emulatorDir() string  { return filepath.Join(c.Dir, "emulator") }
func (c Config) servicesDir() string  { return filepath.Join(c.Dir, "services") }
func (c Config) recordFile() string   { return filepath.Join(c.Dir, "record.json") }
func (c Config) statusFile() string   { return filepath.Join(c.Dir, "status.json") }
func (c Config) progressFile() string { return filepath.Join(c.Dir, "progress") }
func (c Config) lifetimeFile() string { return filepath.Join(c.Dir, "lifetime.json") }

// LogFile is where the daemon writes what it does.
func (c Config) LogFile() string { return filepath.Join(c.Dir, "daemon.log") }

// CertificateFile is the authority that signs the sandbox's *.amazonaws.com.
func (c Config) CertificateFile() string { return filepath.Join(c.Dir, "ca.pem") }

func (c Config) engineOptions(layout network.Layout) engine.Options {
	return engine.Options{
		Layout: layout, RunDir: c.runDir(), DataDir: c.dataDir(), LogFile: filepath.Join(c.Dir, "dockerd.log"),
	}
}

// settle checks the configuration and resolves its folder, so that one sandbox
// has one identity by whatever path it is reached.
func (c Config) settle() (Config, error) {
	const op = "read the sandbox's settings"
	if _, err := c.port(); err != nil {
		return c, fault.New(fault.Usage, op, err, "set endpoint: http://127.0.0.1:4566 in "+c.file())
	}
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return c, fault.New(fault.Failed, op, err, "")
	}
	// The folder itself may not exist yet; what is above it does.
	if parent, err := filepath.EvalSymlinks(filepath.Dir(filepath.Dir(dir))); err == nil {
		dir = filepath.Join(parent, filepath.Base(filepath.Dir(dir)), filepath.Base(dir))
	}
	c.Dir = dir
	return c, nil
}

// endpointAt is the address of an AWS API at a port of this machine.
func endpointAt(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }

// port is that of the endpoint, which must be this machine's loopback.
func (c Config) port() (int, error) {
	endpoint, err := url.Parse(c.Endpoint)
	if err != nil {
		return 0, fmt.Errorf("endpoint: %w", err)
	}
	address, err := netip.ParseAddr(endpoint.Hostname())
	if err != nil || !address.IsLoopback() || !address.Is4() || endpoint.Scheme != "http" {
		return 0, fmt.Errorf("endpoint %q: a sandbox listens on http://127.0.0.1:PORT alone", c.Endpoint)
	}
	port, err := strconv.Atoi(endpoint.Port())
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("endpoint %q has no usable port", c.Endpoint)
	}
	return port, nil
}

// Reset ends the sandbox and starts an empty one, which ends when the old one
// would have.
func Reset(ctx context.Context, config Config, progress func(string)) error {
	config, err := config.settle()
	if err != nil {
		return err
	}
	if config.Lifetime, err = readLifetime(config); err != nil {
		return fault.New(fault.Failed, "reset the sandbox", err, config.command("down"))
	}
	if err := remove(ctx, config, progress); err != nil {
		return err
	}
	return Up(ctx, config, progress)
}

// checkPort fails when another program listens on the endpoint.
func checkPort(ctx context.Context, port int) error {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("port %d of 127.0.0.1 is in use: %w", port, err)
	}
	return listener.Close()
}

// checkRoot fails for everybody but root.
func checkRoot(op string) error {
	if os.Geteuid() == 0 {
		return nil
	}
	return fault.New(fault.Failed, op,
		errors.New("only root may make network namespaces, loop devices and containers"), "run the same command with sudo")
}
