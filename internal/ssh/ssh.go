// Package ssh reaches the hosts of an environment with the system's OpenSSH:
// through the bastion or AWS Systems Manager, with host keys that the cloud
// vouches for and nothing else.
//
// A Client owns two things: files in a run directory (ssh_config and
// known_hosts, which Ansible uses too, so that it shares the connections) and
// a short-named directory for the sockets of the persistent connections.
// Close ends the connections and removes the latter.
//
// Host keys are looked up under the instance id, never under an address:
// addresses move, instance ids are never used twice. See TrustedKeys for
// where the keys come from.
package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"infra/internal/fault"
	"infra/internal/inventory"
)

// Access is the way to hosts without a public address.
type Access string

// The ways to private hosts.
const (
	Bastion Access = "bastion" // jump through the host with the role bastion
	SSM     Access = "ssm"     // tunnel through AWS Systems Manager; needs aws and session-manager-plugin
)

// Settings say which hosts there are and how to reach them.
type Settings struct {
	Environment  string           // name, for messages
	Hosts        []inventory.Host // all hosts of the environment, the bastion too
	Keys         Keys             // what TrustedKeys returned
	User         string           // account on the hosts
	IdentityFile string           // private key; empty: the agent's keys and OpenSSH's default files
	Access       Access           // empty means Bastion
	Region       string           // for SSM
	Directory    string           // absolute path of the run directory, in which the files are written
	AWS          []string         // AWS_* variables for the aws program; needed for SSM only
	EC2          *ec2.Client      // asked why a host does not answer; nil: not asked
	Progress     Progress         // told what Wait waits for; may be nil

	ports map[string]int // by instance id, for tests; 22 otherwise
}

// Client runs commands on hosts. It is safe for concurrent use.
type Client struct {
	settings Settings
	sockets  string // directory of the control sockets
	program  string // path of ssh
}

// Open writes the files and returns a client. It connects to nothing. The
// caller must Close it.
func Open(settings Settings) (*Client, error) {
	op := "prepare SSH for environment " + settings.Environment
	if settings.Access == "" {
		settings.Access = Bastion
	}
	program, err := exec.LookPath("ssh")
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "install the OpenSSH client (Debian: apt-get install openssh-client)")
	}
	sockets, err := socketDirectory()
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	c := &Client{settings: settings, sockets: sockets, program: program}
	if err := c.write(); err != nil {
		return nil, fault.New(fault.Failed, op, errors.Join(err, os.RemoveAll(sockets)), "")
	}
	return c, nil
}

// socketDirectory makes a directory whose name is short enough for a unix
// socket in it: OpenSSH needs 17 characters for a temporary suffix, the
// system allows 107 in all.
func socketDirectory() (string, error) {
	const most = 70
	var parents []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && usablePath(dir) == nil {
		parents = append(parents, dir)
	}
	if dir := os.TempDir(); filepath.IsAbs(dir) && usablePath(dir) == nil {
		parents = append(parents, dir)
	}
	parents = append(parents, "/tmp")
	var failures []error
	for _, parent := range parents {
		if len(parent) > most {
			continue
		}
		dir, err := os.MkdirTemp(parent, "infra-ssh-") // 0700
		if err == nil {
			return dir, nil
		}
		failures = append(failures, err)
	}
	return "", fmt.Errorf("make a directory for connection sockets: %w", errors.Join(failures...))
}

// ConfigFile is the path of the OpenSSH configuration, for `ssh -F` and
// Ansible. Hosts go by instance id, name or private address in it.
func (c *Client) ConfigFile() string { return filepath.Join(c.settings.Directory, "ssh_config") }

// KnownHostsFile is the path of the file with the trusted host keys.
func (c *Client) KnownHostsFile() string { return filepath.Join(c.settings.Directory, "known_hosts") }

func (c *Client) interactiveFile() string {
	return filepath.Join(c.settings.Directory, "ssh_config.interactive")
}

// Close ends the persistent connections and removes their sockets. The files
// in the run directory stay.
func (c *Client) Close() error {
	entries, err := os.ReadDir(c.sockets)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return fmt.Errorf("close SSH connections: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	// The bastion last: the others run through it.
	for _, bastion := range []bool{false, true} {
		for i, h := range c.settings.Hosts {
			open := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == socketName(i) })
			if h.IsBastion() != bastion || !open {
				continue
			}
			cmd := c.command(ctx, c.ConfigFile(), "-O", "exit", h.ID)
			// A master that is gone already answers with an error: that is
			// what was wanted.
			_ = cmd.Run()
		}
	}
	if err := os.RemoveAll(c.sockets); err != nil {
		return fmt.Errorf("close SSH connections: %w", err)
	}
	return nil
}

// command is ssh with a clean environment in a process group of its own, so
// that a Ctrl-C at the terminal ends it through the context and not behind
// infra's back.
func (c *Client) command(ctx context.Context, config string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, append([]string{"-F", config}, args...)...)
	cmd.Env = c.environment()
	detach(cmd)
	return cmd
}

// environment is what ssh, and for SSM the aws program that it starts, sees.
func (c *Client) environment() []string {
	env := childEnvironment(os.Environ())
	if c.settings.Access == SSM {
		env = append(env, c.settings.AWS...)
	}
	return env
}

// childEnvironment is the part of the caller's environment that a child may
// see.
func childEnvironment(environ []string) []string {
	allowed := []string{"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TMPDIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"}
	var kept []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if slices.Contains(allowed, name) {
			kept = append(kept, entry)
		}
	}
	return kept
}
