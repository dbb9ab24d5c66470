package provision

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/run"
	"infra/internal/ssh"
	"infra/internal/stack"
	"infra/internal/supervise"
	"infra/internal/terraform"
)

// tools finds or installs Terraform and prepares its CLI configuration.
func (p *Platform) tools(ctx context.Context) (binary, config string, err error) {
	binary, err = terraform.Install(ctx, p.Project, p.told)
	if err != nil {
		return "", "", err
	}
	config, err = terraform.CLIConfig(filepath.Join(p.Project, ".infra", "terraform.rc"))
	if err != nil {
		return "", "", fault.New(fault.Failed, "prepare Terraform's configuration", err, "")
	}
	return binary, config, nil
}

// told shows what the installation of a tool says.
func (p *Platform) told(text string) { p.con.Step("%s", text) }

// workspace prepares one stack for Terraform: variables and backend as
// files that only their owner can read.
func (p *Platform) workspace(ctx context.Context, s stack.Stack, binary, cliConfig string, parallelism int, progress func(terraform.Progress)) (*terraform.Workspace, error) {
	root := filepath.Join(p.Project, filepath.FromSlash(s.Source()))
	if _, err := os.Stat(filepath.Join(root, "main.tf")); err != nil {
		return nil, fault.New(fault.Usage, "open the Terraform code of "+s.Product, err, "infra validate "+p.Env.Name())
	}
	inputs := environment.Inputs{Colours: p.colours.Colours}
	if p.Env.Emulated() && len(p.Env.SSH().PublicKeys) == 0 {
		_, key, err := ssh.EnsureKey(ctx, p.keyFolder(), "infra-"+p.Env.Name())
		if err != nil {
			return nil, err
		}
		inputs.SSHPublicKey = key
	}
	variables, err := p.Env.TerraformVariables(s.Product, inputs)
	if err != nil {
		return nil, fault.New(fault.Failed, "write the variables of "+s.String(), err, "")
	}
	variableFile, err := p.Run.Write(s.Product+".tfvars.json", variables)
	if err != nil {
		return nil, fault.New(fault.Failed, "write the variables of "+s.String(), err, "")
	}
	if err := os.MkdirAll(p.dataDir(s.Product), 0o700); err != nil {
		return nil, fault.New(fault.Failed, "make the data directory of "+s.String(), err, "")
	}
	backend := filepath.Join(p.dataDir(s.Product), "infra-backend.hcl")
	if err := os.WriteFile(backend, []byte(p.backend(s)), 0o600); err != nil {
		return nil, fault.New(fault.Failed, "write the backend of "+s.String(), err, "")
	}
	env := p.childEnvironment()
	if cliConfig != "" {
		env["TF_CLI_CONFIG_FILE"] = cliConfig
	}
	return &terraform.Workspace{
		Name: s.String(), Binary: binary, Root: root, DataDir: p.dataDir(s.Product), Logs: p.Run.Dir,
		Variables: variableFile, Backend: backend, Environment: env, Parallelism: parallelism, Progress: progress,
		LockTimeout: stateLockLimit, Run: p.Run.ID, Supervise: p.supervision(),
	}, nil
}

// stateLockLimit is how long Terraform waits for its own lock of a state. While
// the lease is held, only a plan can have it.
const stateLockLimit = 2 * time.Minute

// supervision is what keeps the programs that this run starts, and its lease,
// alive should infra itself be killed.
func (p *Platform) supervision() supervise.Run {
	kept := supervise.Run{Children: run.Children(p.Run.Dir)}
	if p.lease != nil {
		kept.Lease = p.lease.File()
	}
	return kept
}

// backend is the partial configuration of Terraform's S3 backend. It holds
// no credentials: those come from the environment or the assumed role.
func (p *Platform) backend(s stack.Stack) string {
	var b strings.Builder
	set := func(name string, value any) {
		text, err := json.Marshal(value) // JSON strings, booleans and lists are valid HCL
		if err != nil {
			panic(err) // only plain values are passed
		}
		fmt.Fprintf(&b, "%s = %s\n", name, text)
	}
	set("bucket", p.Env.StateBucket())
	set("key", s.StateKey())
	set("region", p.Env.Region())
	set("encrypt", true)
	set("kms_key_id", p.bucket.KeyARN())
	set("use_lockfile", true)
	set("allowed_account_ids", []string{p.Env.Account()})
	if p.Env.Emulated() {
		set("use_path_style", true)
		set("skip_metadata_api_check", true)
	}
	if role, ok := p.Env.Role(); ok {
		fmt.Fprintf(&b, "assume_role = {\n  role_arn = %q\n  session_name = %q\n", role.ARN, "infra-"+p.Env.Name())
		if role.ExternalID != "" {
			fmt.Fprintf(&b, "  external_id = %q\n", role.ExternalID)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// keyFolder is where infra keeps the key pair that it makes for an emulated
// environment.
func (p *Platform) keyFolder() string {
	return filepath.Join(p.Project, ".infra", "ssh", p.Env.Name())
}
