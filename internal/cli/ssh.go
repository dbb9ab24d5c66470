package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/ssh"
)

// bootPatience is how long commands that only look wait for hosts that are
// still booting.
const bootPatience = 30 * time.Second

func newSSHCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "ssh ENV HOST [-- COMMAND...]",
		Short: "Log in to a host, or run a command on it, through the bastion",
		Long: `Runs the system's OpenSSH with the way and the host keys of the environment. HOST is a name, an instance id or a
private address. The exit code is that of the remote command.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runSSH(cmd.Context(), g, args[0], args[1], args[2:])
		},
	}, "  infra ssh prod postgresql-1\n  infra ssh prod zookeeper-2 -- systemctl status zookeeper", fault.Refused)
}

func runSSH(ctx context.Context, g *globals, name, host string, command []string) error {
	p, inv, err := openInventory(ctx, g, name)
	if err != nil {
		return err
	}
	h, err := inv.Find(host)
	if err != nil {
		if inv, h, err = findGuest(ctx, p, inv, host); err != nil {
			return err
		}
	}
	return reach(ctx, p, inv, func(client *ssh.Client, none error) error {
		if none != nil {
			return none
		}
		return logIn(client, h, command)
	})
}

// logIn runs a command on a host, or without one a shell, at this terminal.
func logIn(client *ssh.Client, h inventory.Host, command []string) error {
	child, err := client.Command(h, command...)
	if err != nil {
		return fault.New(fault.Usage, "log in to "+h.Name, err, "")
	}
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	runErr := child.Run()
	var exit *exec.ExitError
	if errors.As(runErr, &exit) {
		if len(command) == 0 && exit.ExitCode() != 255 {
			return nil // the code of an interactive shell is that of its last command
		}
		return fault.New(fault.Code(exit.ExitCode()), "run on "+h.Name, fmt.Errorf("exit code %d", exit.ExitCode()), "")
	}
	return runErr
}
