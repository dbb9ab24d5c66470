package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/git"
	"infra/internal/scaffold"
)

// initOptions are the flags of init.
type initOptions struct {
	scaffold.Order
	keyFiles []string
	git      bool
}

func newInitCommand(g *globals) *cobra.Command {
	var o initOptions
	cmd := describe(&cobra.Command{
		Use:   "init [DIR]",
		Short: "Make a project in an empty folder: the code and one environment, ready for infra apply",
		Long: `Writes the Terraform and Ansible code that this infra was built with, and the file of one environment: in an account of
yours, or with --sandbox on this machine alone, with no account. On a terminal it asks for what no flag says.

The folder has to be new or empty, but for a .git: what stands in the way is listed, and nothing is ever replaced. What
would not be valid is refused with its place before anything is written. Without --bastion-from hosts get no public
address and are reached by Systems Manager.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Dir = args[0]
			}
			return runInit(cmd.Context(), g, o)
		},
	}, `  infra init platform --sandbox
  infra init --name prod --account 333333333333 --region eu-central-1 --cidr 10.40.0.0/20 --ssh-key ~/.ssh/id_ed25519.pub \
    --bastion-from 203.0.113.7/32 --git`)
	flags := cmd.Flags()
	flags.BoolVar(&o.Sandbox, "sandbox", false, "an emulated environment on this machine, with no account")
	flags.StringVar(&o.Draft.Name, "name", "", "name of the environment (default: sandbox, or prod)")
	flags.StringVar(&o.Draft.Account, "account", "", "the AWS account, 12 digits")
	flags.StringVar(&o.Draft.Region, "region", "", "the AWS region")
	flags.StringVar(&o.Draft.CIDR, "cidr", "", "the network's private range, /16 to /20")
	flags.StringArrayVar(&o.keyFiles, "ssh-key", nil, "file with an operator's public SSH key (may be repeated)")
	flags.StringArrayVar(&o.Draft.BastionFrom, "bastion-from", nil, "network that may reach the bastion's SSH port (may be repeated)")
	flags.StringVar(&o.Draft.RoleARN, "role", "", "ARN of the role to assume in the account")
	flags.StringVar(&o.Draft.ExternalID, "external-id", "", "external id that the role's trust policy asks for")
	flags.StringVar(&o.Draft.StateBucket, "state-bucket", "", "name of the state bucket (default: infra-state-ACCOUNT-REGION)")
	flags.BoolVar(&o.Draft.Protected, "protected", false, "every change asks for the name and comes from the main branch")
	flags.StringVar(&o.Endpoint, "endpoint", "", "with --sandbox: address of the emulator, when two run on one machine")
	flags.BoolVar(&o.git, "git", false, "make the folder a git repository")
	for _, other := range []string{"account", "region", "ssh-key", "bastion-from", "role", "external-id", "state-bucket", "protected"} {
		cmd.MarkFlagsMutuallyExclusive("sandbox", other)
	}
	return cmd
}

func runInit(ctx context.Context, g *globals, o initOptions) error {
	dir, err := filepath.Abs(filepath.Join(cmp.Or(g.dir, "."), o.Dir))
	if filepath.IsAbs(o.Dir) {
		dir, err = filepath.Clean(o.Dir), nil
	}
	if err != nil {
		return fault.New(fault.Usage, "find the folder", err, scaffold.Hint)
	}
	o.Dir, o.Version, o.Draft.From = dir, version, "base"
	if err := o.complete(g); err != nil {
		return err
	}
	for _, file := range o.keyFiles {
		keys, err := publicKeys(file)
		if err != nil {
			return err
		}
		o.Draft.PublicKeys = append(o.Draft.PublicKeys, keys...)
	}
	env, err := scaffold.Write(o.Order)
	if err != nil {
		return err
	}
	if o.git {
		if err := git.Init(ctx, dir); err != nil {
			return fault.New(fault.Failed, "make "+dir+" a repository (the project is there)", err, "git init "+dir)
		}
	}
	if g.con.JSON() {
		return g.con.WriteJSON(map[string]any{"schema": "infra/init/v1", "project": dir, "environment": env.Name(), "file": env.File(), "next": o.Next()})
	}
	g.con.Step("made a project in %s; the environment is in %s", dir, env.File())
	next := o.Next()
	if here, err := os.Getwd(); err != nil || here != dir {
		next = append([]string{"cd " + dir}, next...)
	}
	if o.git {
		next = append(next, "git add --all && git commit")
	}
	g.con.Step("next:\n  %s", strings.Join(next, "\n  "))
	return nil
}

// complete asks for what no flag says. Without anybody to ask, what is missing
// is named at once.
func (o *initOptions) complete(g *globals) error {
	if g.con.Asks() {
		if err := o.ask(g); err != nil {
			return err
		}
	}
	o.Draft.Name = cmp.Or(o.Draft.Name, o.usualName())
	if o.Sandbox {
		return nil
	}
	var missing []string
	for _, flag := range []struct{ name, value string }{{"account", o.Draft.Account}, {"region", o.Draft.Region}, {"cidr", o.Draft.CIDR}, {"ssh-key", strings.Join(o.keyFiles, "")}} {
		if flag.value == "" {
			missing = append(missing, "--"+flag.name)
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.Usage, "", fmt.Errorf("%s missing, or --sandbox for an environment on this machine alone", strings.Join(missing, ", ")), scaffold.Hint)
	}
	if o.Endpoint != "" {
		return fault.New(fault.Usage, "", errors.New("--endpoint is of an emulator: it goes with --sandbox"), scaffold.Hint)
	}
	return nil
}

func (o *initOptions) usualName() string {
	if o.Sandbox {
		return "sandbox"
	}
	return "prod"
}

// ask asks for one thing after the other, until there is nothing left to ask.
func (o *initOptions) ask(g *globals) error {
	if !o.Sandbox && o.Draft.Account == "" {
		answer, err := g.con.Ask("AWS account of 12 digits, or sandbox for this machine alone", "sandbox")
		if err != nil {
			return err
		}
		if o.Sandbox = answer == "sandbox"; !o.Sandbox {
			o.Draft.Account = answer
		}
	}
	questions := []struct {
		into            *string
		question, usual string
	}{{&o.Draft.Name, "Name of the environment", o.usualName()}}
	key := strings.Join(o.keyFiles, "")
	bastion := strings.Join(o.Draft.BastionFrom, "")
	if !o.Sandbox {
		questions = append(questions, []struct {
			into            *string
			question, usual string
		}{
			{&o.Draft.Region, "AWS region", "eu-west-1"},
			{&o.Draft.CIDR, "Private range of the network, /16 to /20", "10.20.0.0/16"},
			{&key, "File with your public SSH key", usualKey()},
			{&bastion, "Network that may reach a bastion, such as 203.0.113.7/32 (empty: no bastion, Systems Manager is the way in)", ""},
		}...)
	}
	for _, q := range questions {
		if *q.into != "" {
			continue
		}
		answer, err := g.con.Ask(q.question, q.usual)
		if err != nil {
			return err
		}
		*q.into = answer
	}
	if len(o.keyFiles) == 0 && key != "" {
		o.keyFiles = []string{key}
	}
	if len(o.Draft.BastionFrom) == 0 && bastion != "" {
		o.Draft.BastionFrom = []string{bastion}
	}
	return nil
}

// usualKey is the first of the places where people have their public key.
func usualKey() string {
	home, err := os.UserHomeDir()
	if err != nil {
		return ""
	}
	for _, name := range []string{"id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"} {
		if path := filepath.Join(home, ".ssh", name); isFile(path) {
			return path
		}
	}
	return ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
