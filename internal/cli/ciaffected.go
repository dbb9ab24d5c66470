package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/affected"
	"infra/internal/ci"
	"infra/internal/environment"
	"infra/internal/fault"
)

func newCIAffectedCommand(g *globals) *cobra.Command {
	var o scopeOptions
	var push bool
	cmd := describe(&cobra.Command{
		Use:   "affected",
		Short: "Name the environments, stacks and hosts that a change of files concerns",
		Long: `Compares HEAD with its base and follows every changed file: Terraform modules by their sources, roles and playbooks
by their references, environments by ` + "`extends`" + `. It asks no account. Where GITHUB_OUTPUT is set, the environments are
written there too, as a matrix with region and roles; of more than 256, several share a row. A removed environment is
refused unless it is acknowledged.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runCIAffected(cmd.Context(), g, o, push) },
	}, "  infra ci affected --base origin/main\n  infra ci affected --output json | jq -r '.environments[].environment'", fault.Refused)
	scopeFlags(cmd, &o)
	cmd.Flags().BoolVar(&push, "push", false, "the change is a push: compare with the base itself, not with where the branch began")
	return cmd
}

// matrixRow is one job of a workflow's matrix: of one environment, or, where
// there are more than jobs, of several. Those have no role in common: each is
// entered by its own.
type matrixRow struct {
	Environment string `json:"environment"` // as --env takes it
	Region      string `json:"region"`
	PlanRole    string `json:"plan_role"`
	ApplyRole   string `json:"apply_role"`
}

func runCIAffected(ctx context.Context, g *globals, o scopeOptions, push bool) error {
	s, err := scoped(ctx, g, o, !push)
	if err != nil {
		return annotated(g, err)
	}
	if os.Getenv(outputFile) != "" {
		if err := writeMatrix(s); err != nil {
			return annotated(g, err)
		}
	}
	if g.con.JSON() {
		return g.con.WriteJSON(s.Affected)
	}
	g.con.Print(affectedText(s.Affected))
	return nil
}

// outputFile names the file by which a job of GitHub tells others something.
const outputFile = "GITHUB_OUTPUT"

// matrixLimit is how many jobs GitHub makes of one matrix.
const matrixLimit = 256

func writeMatrix(s *scope) error {
	rows := []matrixRow{}
	for names := range slices.Chunk(s.names(), 1+(len(s.Environments)-1)/matrixLimit) {
		row := matrixRow{Environment: strings.Join(names, ",")}
		if len(names) == 1 {
			env, err := environment.Load(s.dir, names[0])
			if err != nil {
				return err
			}
			row.Region, row.PlanRole, row.ApplyRole = env.Region(), roleARN(env, "plan"), roleARN(env, "apply")
		}
		rows = append(rows, row)
	}
	matrix, err := json.Marshal(rows)
	if err != nil {
		return fmt.Errorf("encode the matrix: %w", err)
	}
	return ci.Append(os.Getenv, outputFile, "environments="+string(matrix)+"\n")
}

// names are the affected environments'.
func (s *scope) names() []string {
	names := make([]string, 0, len(s.Environments))
	for _, e := range s.Environments {
		names = append(names, e.Name)
	}
	return names
}

// annotated shows an error beside the code on GitHub, and gives it back.
func annotated(g *globals, err error) error {
	if err != nil && ci.Detect(os.Getenv) == ci.GitHub {
		problem := ci.Explain(err)
		text := problem.Message
		if problem.Hint != "" {
			text += "\nnext: " + problem.Hint
		}
		g.con.Print(ci.Annotation("infra", "", g.con.Shown(text)))
	}
	return err
}

func affectedText(a ci.Affected) string {
	if len(a.Environments) == 0 {
		return fmt.Sprintf("No environment is affected by %d changed files.\n", a.Paths)
	}
	var b strings.Builder
	for _, e := range a.Environments {
		fmt.Fprintf(&b, "%s: %s\n", e.Name, concerns(e))
		for _, path := range e.Paths[:min(len(e.Paths), pathsShown)] {
			fmt.Fprintf(&b, "  %s\n", path)
		}
		if more := len(e.Paths) - pathsShown; more > 0 {
			fmt.Fprintf(&b, "  and %d more\n", more)
		}
	}
	return b.String()
}

// pathsShown is how many changed files are listed before the rest is counted.
const pathsShown = 5

// concerns says in words what of an environment is affected.
func concerns(e affected.Environment) string {
	var parts []string
	for _, s := range e.Stacks {
		text := s.Product
		if len(s.Layers) > 0 {
			text += " (" + strings.Join(s.Layers, ", ") + ")"
		}
		parts = append(parts, text)
	}
	if len(e.Hosts) > 0 {
		parts = append(parts, "hosts of "+strings.Join(e.Hosts, ", "))
	}
	return strings.Join(parts, "; ")
}
