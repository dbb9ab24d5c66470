package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"infra/internal/ci"
	"infra/internal/fault"
	"infra/internal/git"
)

func newCIInitCommand(g *globals) *cobra.Command {
	var o ci.WorkflowOptions
	cmd := describe(&cobra.Command{
		Use:   "init github|gitlab",
		Short: "Write the workflow file of a pipeline that calls infra",
		Long: `Writes .github/workflows/infra.yml or .gitlab-ci.yml. The workflow plans on pull requests and applies after the merge, has
no key but asks for one by OpenID Connect, gives forks nothing, runs one apply of an environment at a time, and cancels
none in its middle. The roles are those that the baseline product makes for products.baseline.ci. A file that is there is
not replaced.`,
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
	name, text, err := ci.Workflow(service, o)
	if err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	op := "write " + name
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // G301: the repository's own folder, as git would make it
		return fault.New(fault.Failed, op, err, "")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644) //nolint:gosec // G302: a file for everybody who has the repository
	if errors.Is(err, fs.ErrExist) {
		return fault.New(fault.Refused, op, errors.New("there is one already"), "git mv "+name+" elsewhere and run this again, then compare the two")
	}
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	if g.con.JSON() {
		return g.con.WriteJSON(map[string]string{"schema": "infra/ci-init/v1", "service": string(service), "file": name, "branch": o.Branch})
	}
	g.con.Print(fmt.Sprintf("Wrote %s for branch %s.\nEnvironments that it may plan and apply need this in their file, applied once by hand:\n  products:\n    baseline:\n      ci: {provider: %s, repository: ORGANISATION/NAME, branch: %s}\n", name, o.Branch, service, o.Branch))
	if service == ci.GitLab {
		g.con.Print("For the comment, give the pipeline a masked variable INFRA_COMMENT_TOKEN: a project access token with scope api.\n")
	}
	return nil
}
