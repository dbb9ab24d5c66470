package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/rollout"
	"infra/internal/stack"
)

// parallelFlag says how many environments a command works on at once.
func parallelFlag(cmd *cobra.Command, parallel *int) {
	cmd.Flags().IntVar(parallel, "parallel", 0, "environments at once; never more than the memory has room for (default: one a core)")
}

// self is this very program, to be called for one environment. It writes its
// metrics where this one was told to.
func (g *globals) self(project string) (rollout.Infra, error) {
	infra := rollout.Infra{Project: project}
	var err error
	if infra.Executable, err = os.Executable(); err != nil {
		return infra, fault.New(fault.Failed, "find this program", err, "")
	}
	if g.metrics != "" {
		folder, err := filepath.Abs(g.metrics)
		if err != nil {
			return infra, fault.New(fault.Failed, "find "+g.metrics, err, "")
		}
		infra.Variables = []string{"INFRA_METRICS_DIR=" + folder}
	}
	return infra, nil
}

// width is how many environments this machine works on at once: the stacks of
// one are planned side by side. No products are all.
func width(parallel int, products []string) int {
	stacks := len(products)
	if stacks == 0 {
		stacks = len(stack.Products().Names())
	}
	return rollout.Width(parallel, stacks)
}

// beside calls infra once for each environment, width at once, and shows how
// far that is; doing says it in words. answered is called with the place of an
// environment in names, one call at a time. What a call has said is shown where
// it failed and nobody watches, for its log is gone afterwards.
func (g *globals) beside(ctx context.Context, infra rollout.Infra, doing string, names []string, width int, arguments func(name string) []string, answered func(at int, a rollout.Answer)) error {
	left := len(names)
	g.con.Live("%s: %d to go", doing, left)
	defer g.con.Live("")
	return infra.Each(ctx, names, width, arguments, func(name string, a rollout.Answer) {
		answered(slices.Index(names, name), a)
		left--
		if !g.con.Draws() {
			g.con.Step("%s: ended with exit code %d; %s: %d to go", name, a.Exit, doing, left)
		}
		if g.verbose || a.Failed() && !g.con.Draws() {
			g.con.Print(indented(name, string(a.Said)))
		}
		g.con.Live("%s: %d to go", doing, left)
	})
}

// only is the environment in the document that a call for one environment has
// left, where it has left one.
func only[E any](a rollout.Answer) (one E, found bool) {
	var doc struct {
		Environments []E `json:"environments"`
	}
	if json.Unmarshal(a.Out, &doc) != nil || len(doc.Environments) != 1 {
		return one, false
	}
	return doc.Environments[0], true
}

// indented puts the name of an environment before each line that its call has
// said.
func indented(name, said string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.Trim(said, "\n")) {
		fmt.Fprintf(&b, "%s | %s\n", name, strings.TrimRight(line, "\r\n"))
	}
	return b.String()
}
