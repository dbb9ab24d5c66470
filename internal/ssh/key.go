package ssh

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"

	"infra/internal/fault"
)

// Identity tells whether OpenSSH has a key to log in with when none is named: an
// agent's, or one in a file that it looks for. Whether a host knows the key is
// another matter.
func Identity(getenv func(string) string) bool {
	homes := []string{getenv("HOME")}
	// OpenSSH goes by the account's home, which is another one in some containers.
	if who, err := user.Current(); err == nil {
		homes = append(homes, who.HomeDir)
	}
	return identity(getenv("SSH_AUTH_SOCK"), homes)
}

func identity(agent string, homes []string) bool {
	if agent != "" {
		return true
	}
	for _, home := range homes {
		for _, kind := range []string{"rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "dsa"} {
			if _, err := os.Stat(filepath.Join(home, ".ssh", "id_"+kind)); err == nil {
				return true
			}
		}
	}
	return false
}

// EnsureKey returns the operator key in a directory, made first if there is
// none: the private key's path and the public key's line. It is meant for
// environments that name no public keys because they live on one machine. The
// comment becomes part of the public line.
func EnsureKey(ctx context.Context, directory, comment string) (private, public string, err error) {
	private = filepath.Join(directory, "id_ed25519")
	op := "make the SSH key " + private
	if !safeWord(comment) {
		return "", "", fault.New(fault.Failed, op, fmt.Errorf("comment %q is not a plain word", comment), "")
	}
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return "", "", fault.New(fault.Failed, op, err, "")
	}
	line, err := os.ReadFile(private + ".pub")
	if errors.Is(err, os.ErrNotExist) {
		if line, err = generate(ctx, private, comment); err != nil {
			return "", "", fault.New(fault.Failed, op, err, "install the OpenSSH client (Debian: apt-get install openssh-client)")
		}
	} else if err != nil {
		return "", "", fault.New(fault.Failed, op, err, "")
	}
	if _, err := os.Stat(private); err != nil {
		return "", "", fault.New(fault.Failed, "use the SSH key "+private, err, "remove "+private+".pub so that a new pair is made; existing hosts then refuse it")
	}
	public = strings.TrimSpace(string(line))
	kind, rest, _ := strings.Cut(public, " ")
	encoded, _, _ := strings.Cut(rest, " ")
	if !wellFormed(kind, encoded) {
		return "", "", fault.New(fault.Failed, "use the SSH key "+private, errors.New("its .pub file holds no public key"), "")
	}
	return private, public, nil
}

// generate makes the pair beside its place and moves the public key last, so
// that an interrupted run leaves nothing that looks whole.
func generate(ctx context.Context, private, comment string) (line []byte, err error) {
	scratch, err := os.MkdirTemp(filepath.Dir(private), ".new-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	fresh := filepath.Join(scratch, "key")
	cmd := exec.CommandContext(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", fresh)
	cmd.Env = childEnvironment(os.Environ())
	if output, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ssh-keygen: %w: %s", err, oneLine(string(output)))
	}
	if line, err = os.ReadFile(fresh + ".pub"); err != nil {
		return nil, err
	}
	if err := os.Rename(fresh, private); err != nil {
		return nil, err
	}
	return line, os.Rename(fresh+".pub", private+".pub")
}
