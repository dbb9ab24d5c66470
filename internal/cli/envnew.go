package cli

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/environment"
	"infra/internal/fault"
)

// envNewOptions are the flags of env new.
type envNewOptions struct {
	environment.Draft
	keyFiles []string
}

func newEnvNewCommand(g *globals) *cobra.Command {
	var o envNewOptions
	cmd := describe(&cobra.Command{
		Use:   "new NAME --account ACCOUNT --region REGION --cidr RANGE",
		Short: "Write the file of a new environment, valid at once",
		Long: `Writes environments/NAME.yaml and nothing else; a file that is there is never overwritten. What would not be valid is
refused with its place, before anything is written: so is a range that overlaps another environment's, or a network
that the environment lets in (the next free one is suggested), and an account, region and state bucket that another
environment has. With a role and no external id, an id is made up: the role's trust policy in the customer's account
has to name it. Without a way in that --from has, hosts get no public address and are reached by Systems Manager.`,
		Args: environmentArgument,
		RunE: func(_ *cobra.Command, args []string) error {
			o.Name = args[0]
			return runEnvNew(g, o)
		},
	}, `  infra env new acme --account 333333333333 --region eu-central-1 --cidr 10.40.0.0/20 --ssh-key ~/.ssh/id_ed25519.pub
  infra env new acme --account 333333333333 --region eu-central-1 --cidr 10.40.0.0/20 --ssh-key id.pub \
    --role arn:aws:iam::333333333333:role/infra-apply --protected`)
	flags := cmd.Flags()
	flags.StringVar(&o.From, "from", "base", "the environment that it extends")
	flags.StringVar(&o.Account, "account", "", "the AWS account, 12 digits")
	flags.StringVar(&o.Region, "region", "", "the AWS region")
	flags.StringVar(&o.CIDR, "cidr", "", "the network's private range, /16 to /20")
	flags.StringVar(&o.RoleARN, "role", "", "ARN of the role to assume in the account")
	flags.StringVar(&o.ExternalID, "external-id", "", "external id that the role's trust policy asks for (default: a random one)")
	flags.StringVar(&o.StateBucket, "state-bucket", "", "name of the state bucket (default: infra-state-ACCOUNT-REGION)")
	flags.StringArrayVar(&o.keyFiles, "ssh-key", nil, "file with an operator's public SSH key (may be repeated)")
	flags.BoolVar(&o.Protected, "protected", false, "every change asks for the name and comes from the main branch")
	return cmd
}

func runEnvNew(g *globals, o envNewOptions) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	for name, value := range map[string]string{"account": o.Account, "region": o.Region, "cidr": o.CIDR} {
		if value == "" {
			return fault.New(fault.Usage, "", fmt.Errorf("--%s is missing: an environment has an account, a region and a range of its own", name), "infra env new --help")
		}
	}
	if o.ExternalID != "" && o.RoleARN == "" {
		return fault.New(fault.Usage, "", errors.New("--external-id is of a role, and there is no --role"), "infra env new --help")
	}
	if o.RoleARN != "" && o.ExternalID == "" {
		o.ExternalID = o.Name + "-" + strings.ToLower(rand.Text())
	}
	for _, file := range o.keyFiles {
		keys, err := publicKeys(file)
		if err != nil {
			return err
		}
		o.PublicKeys = append(o.PublicKeys, keys...)
	}
	env, err := environment.Create(project, o.Draft)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(map[string]any{
			"schema": "infra/env-new/v1", "environment": env.Name(), "file": env.File(), "state_bucket": env.StateBucket(), "external_id": o.ExternalID,
		})
	}
	g.con.Step("wrote %s", env.File())
	if o.RoleARN != "" {
		g.con.Step("the trust policy of %s has to name our account and the external id %s", o.RoleARN, o.ExternalID)
	}
	g.con.Step("next: look at it, commit it, then infra install %s", env.Name())
	return nil
}

// publicKeys are the lines of a file with public keys. A file without one is
// most likely the private key, which must not get into an environment's file.
func publicKeys(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fault.New(fault.Usage, "read the public key", err, "infra env new --ssh-key FILE, with the .pub file")
	}
	var keys []string
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !strings.HasPrefix(line, "ssh-") && !strings.HasPrefix(line, "ecdsa-") {
			return nil, fault.New(fault.Usage, "read the public key", fmt.Errorf("%s is no file of public keys", file), "infra env new --ssh-key FILE, with the .pub file")
		}
		keys = append(keys, line)
	}
	if len(keys) == 0 {
		return nil, fault.New(fault.Usage, "read the public key", fmt.Errorf("%s is empty", file), "infra env new --ssh-key FILE, with the .pub file")
	}
	return keys, nil
}
