package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/ci"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/git"
	"infra/internal/notify"
)

func newCIInitCommand(g *globals) *cobra.Command {
	var o ci.WorkflowOptions
	cmd := describe(&cobra.Command{
		Use:   "init github|gitlab",
		Short: "Write the workflow files of a pipeline that calls infra",
		Long: `Writes .github/workflows/infra.yml and infra-drift.yml, or .gitlab-ci.yml. The workflow plans on pull requests, applies
after the merge and looks for drift on a schedule, hands the secrets on that notify of the environments names, has no key of
AWS but asks for one by OpenID Connect, gives forks nothing, runs one apply of an environment at a time, and cancels none in
its middle. The roles are those that the baseline product makes for products.baseline.ci. The apply job alone logs in to
hosts, with the SSH key that is the secret INFRA_SSH_KEY. A file that is there is not replaced.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 || (args[0] != string(ci.GitHub) && args[0] != string(ci.GitLab)) {
				return fault.New(fault.Usage, "", errors.New("ci init takes github or gitlab"), cmd.CommandPath()+" --help")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return runCIInit(cmd.Context(), g, ci.Service(args[0]), o)
		},
	}, "  infra ci init github\n  infra ci init gitlab --branch master", fault.Refused)
	cmd.Flags().StringVar(&o.Branch, "branch", "", "the branch whose pushes are applied (default: the repository's main branch)")
	cmd.Flags().BoolVar(&o.Emulated, "emulated", false, "also environments whose AWS is a sandbox's emulator: for runners that have it")
	return cmd
}

func runCIInit(ctx context.Context, g *globals, service ci.Service, o ci.WorkflowOptions) error {
	dir, err := g.project()
	if err != nil {
		return err
	}
	if o.Branch == "" {
		facts, err := git.Look(ctx, dir, false)
		if err != nil {
			return err
		}
		if o.Branch = facts.Main; o.Branch == "" {
			o.Branch = "main"
		}
	}
	if o.Variables, err = notified(dir); err != nil {
		return err
	}
	files, err := ci.Workflow(service, o)
	if err != nil {
		return err
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Name)
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(file.Name))); err == nil {
			return fault.New(fault.Refused, "write "+file.Name, errors.New("there is one already"), "git mv "+file.Name+" elsewhere and run this again, then compare the two")
		}
	}
	for _, file := range files {
		if err := writeNew(filepath.Join(dir, filepath.FromSlash(file.Name)), file.Text); err != nil {
			return fault.New(fault.Failed, "write "+file.Name, err, "")
		}
	}
	if g.con.JSON() {
		return g.con.WriteJSON(map[string]any{"schema": "infra/ci-init/v1", "service": service, "files": names, "branch": o.Branch})
	}
	g.con.Print(fmt.Sprintf("Wrote %s for branch %s.\nEnvironments that it may plan and apply need this in their file, applied once by hand:\n  products:\n    baseline:\n      ci: {provider: %s, repository: ORGANISATION/NAME, branch: %s}\n", strings.Join(names, " and "), o.Branch, service, o.Branch))
	g.con.Print(identityText(service))
	if len(o.Variables) > 0 {
		g.con.Print("Notifications need these secrets of the repository (GitLab: masked variables): " + strings.Join(o.Variables, ", ") + "\n")
	}
	if service == ci.GitLab {
		g.con.Print("For the comment, give the pipeline a masked variable INFRA_COMMENT_TOKEN: a project access token with scope api.\nFor drift, make a schedule of branch " + o.Branch + " in the project's settings.\n")
	}
	return nil
}

// identityText says how the apply job comes to log in to hosts.
func identityText(service ci.Service) string {
	secret := "the secret INFRA_SSH_KEY"
	if service == ci.GitLab {
		secret = "the variable INFRA_SSH_KEY, of type file and protected"
	}
	return "To configure hosts after the merge, make a key for the pipeline: ssh-keygen -t ed25519 -N '' -C pipeline -f deploy\n" +
		"Its private half is " + secret + ", its public half the first of ssh.public_keys in the environments' files:\n" +
		"a new host knows that one, and `infra apply`, once by hand, gives those that exist all of them.\n" +
		"The way to the hosts is access: ssm, or a runner whose address is in bastion_allowed_cidrs.\n"
}

// notified are the variables that the environments' notifications need.
func notified(project string) ([]string, error) {
	all, err := environment.LoadAll(project)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, env := range all {
		names = append(names, notify.Variables(env.Notify())...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// writeNew writes a file of the repository that is not there yet.
func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // G301: the repository's own folder, as git would make it
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // G302: a file for everybody who has the repository
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
