package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/ci"
	"infra/internal/environment"
	"infra/internal/fault"
)

// ciCommentOptions are the flags of ci comment.
type ciCommentOptions struct {
	comment string
	junit   string
	expect  string
}

func newCICommentCommand(g *globals) *cobra.Command {
	var o ciCommentOptions
	cmd := describe(&cobra.Command{
		Use:   "comment PLAN...",
		Short: "Make one comment of the plans of several jobs",
		Long: `Joins what infra ci plan --output json printed in several jobs, one for each environment, and writes the comment that one
job would have written. A folder stands for all files in it, and below it, that end in .json. With --expect, an
environment without a plan is shown as one that could not be planned. The exit code is the worst of all.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fault.New(fault.Usage, "", errors.New("ci comment takes the files or folders with the plans"), cmd.CommandPath()+" --help")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return runCIComment(g, args, o) },
	}, "  infra ci comment plans/ --comment comment.md\n  infra ci comment prod.json staging.json --comment comment.md", fault.Differences, fault.Refused, fault.Locked)
	cmd.Flags().StringVar(&o.comment, "comment", "", "write the comment to this file")
	cmd.Flags().StringVar(&o.junit, "junit", "", "write JUnit's XML to this file")
	cmd.Flags().StringVar(&o.expect, "expect", "", "the matrix of infra ci affected: these environments should have a plan")
	return cmd
}

func runCIComment(g *globals, args []string, o ciCommentOptions) error {
	var expected []matrixRow
	if o.expect != "" {
		if err := json.Unmarshal([]byte(o.expect), &expected); err != nil {
			return fault.New(fault.Usage, "read --expect", err, "infra ci affected, with GITHUB_OUTPUT set, writes it")
		}
	}
	var plans []ci.Plan
	for _, arg := range args {
		files, err := plansIn(arg)
		if err != nil {
			return err
		}
		for _, file := range files {
			p, err := ci.ReadPlan(file)
			if err != nil {
				// What a job that failed early left behind is no reason to hide the rest.
				g.con.Warn("%v", err)
				continue
			}
			plans = append(plans, p)
		}
	}
	all, err := ci.Join(plans...)
	if err != nil {
		return fault.New(fault.Usage, "join the plans", err, "give only those of one run of the pipeline")
	}
	dir, err := g.project()
	if err != nil {
		return err
	}
	if all, err = ci.Join(all, ci.Plan{Commit: all.Commit, Environments: unplanned(dir, all, expected)}); err != nil {
		return err
	}
	return tellPlan(g, all.Shown(g.con.Shown), o.comment, o.junit, ci.Detect(os.Getenv))
}

// unplanned are the environments that were expected and have no plan.
func unplanned(dir string, all ci.Plan, expected []matrixRow) (missing []ci.Environment) {
	for _, row := range expected {
		for name := range strings.SplitSeq(row.Environment, ",") {
			if all.Has(name) {
				continue
			}
			e := ci.Unplanned(name, environment.File(dir, name))
			e.Exit = int(fault.Failed)
			e.Error = &ci.Problem{Message: "its job left no plan", Hint: "look at the job's log, or: infra ci plan --env " + name}
			missing = append(missing, e)
		}
	}
	return missing
}

// plansIn are the files that an argument stands for. A folder that is not
// there holds none: no job has left anything.
func plansIn(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	if errors.Is(err, fs.ErrNotExist) && !strings.HasSuffix(arg, ".json") {
		return nil, nil
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "read the plans", err, "infra ci plan --output json > "+arg)
	}
	if !info.IsDir() {
		return []string{arg}, nil
	}
	var files []string
	err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".json") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return nil, fault.New(fault.Failed, "read the plans", fmt.Errorf("%s: %w", arg, err), "")
	}
	return files, nil
}
