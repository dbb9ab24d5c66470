package cli

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/stack"
)

// fleetSelection says which environments a command is for, and how many at
// once.
type fleetSelection struct {
	envs        []string
	labels      []string
	parallel    int
	products    []string
	parallelism int
}

func fleetSelectionFlags(cmd *cobra.Command, o *fleetSelection) {
	flags := cmd.Flags()
	flags.StringSliceVar(&o.envs, "env", nil, "environments by the path of their file below environments/, such as 'customers/*', or by name (may be repeated)")
	flags.StringSliceVar(&o.labels, "label", nil, "of those, only with this tag, as key=value (may be repeated: with all of them)")
	parallelFlag(cmd, &o.parallel)
	flags.IntVar(&o.parallelism, "parallelism", parallelism, "how many resources each Terraform works on at once")
}

// fleetProductFlag narrows what is planned or applied of each.
func fleetProductFlag(cmd *cobra.Command, o *fleetSelection) {
	cmd.Flags().StringSliceVar(&o.products, "product", nil, "only this product of each (may be repeated)")
}

// arguments are the flags that every environment's own command gets.
func (o fleetSelection) arguments() []string {
	args := []string{"--parallelism", fmt.Sprint(o.parallelism)}
	for _, product := range o.products {
		args = append(args, "--product", product)
	}
	return args
}

// choose reads the environments that were asked for, and shows them.
func (o fleetSelection) choose(g *globals) (project string, chosen []*environment.Environment, err error) {
	if project, err = g.project(); err != nil {
		return "", nil, err
	}
	if _, err := stack.Select(o.products); err != nil {
		return "", nil, err
	}
	if len(o.envs)+len(o.labels) == 0 {
		return "", nil, fault.New(fault.Usage, "select environments", errors.New("nothing says which"), "--env 'customers/*', --label KEY=VALUE, or --env '*' for those that are in no folder")
	}
	for _, pattern := range o.envs {
		if _, err := path.Match(pattern, ""); err != nil {
			return "", nil, fault.New(fault.Usage, "select environments", fmt.Errorf("--env %q is no pattern", pattern), "* stands for any text without a slash: --env 'customers/*'")
		}
	}
	labels, err := readLabels(o.labels)
	if err != nil {
		return "", nil, err
	}
	all, err := environment.LoadThese(project, o.matches)
	if err != nil {
		return "", nil, err
	}
	if err := o.allFit(project, all); err != nil {
		return "", nil, err
	}
	chosen = slices.DeleteFunc(all, func(e *environment.Environment) bool { return !hasLabels(e.Tags(), labels) })
	if len(chosen) == 0 {
		return "", nil, nothingFits(slices.Concat(o.envs, o.labels)...)
	}
	g.con.Print(selectionText(chosen))
	return project, chosen, nil
}

// matches tells whether an environment's file is meant by --env. Without it,
// labels select from all.
func (o fleetSelection) matches(file string) bool {
	return len(o.envs) == 0 || slices.ContainsFunc(o.envs, func(pattern string) bool { return fits(pattern, file) })
}

// fits tells whether one --env means an environment's file.
func fits(pattern, file string) bool {
	below := strings.TrimSuffix(strings.TrimPrefix(file, environment.Folder+"/"), ".yaml")
	fits, _ := path.Match(pattern, below) // choose has refused patterns that are none
	return fits || pattern == path.Base(below)
}

// allFit refuses an --env that means none of all: a name that is mistyped must
// not leave its environment out in silence.
func (o fleetSelection) allFit(project string, all []*environment.Environment) error {
	for _, pattern := range o.envs {
		if slices.ContainsFunc(all, func(e *environment.Environment) bool { return fits(pattern, e.File()) }) {
			continue
		}
		if environment.ValidName(pattern) {
			if _, err := environment.Load(project, pattern); err != nil { // which says what it may be
				return err
			}
		}
		return nothingFits(pattern)
	}
	return nil
}

func nothingFits(what ...string) error {
	return fault.New(fault.Usage, "select environments", fmt.Errorf("no environment with an account fits %s", strings.Join(what, ", ")), "ls environments; "+`a pattern is for the whole path: --env 'customers/*'`)
}

func readLabels(texts []string) (map[string]string, error) {
	labels := map[string]string{}
	for _, text := range texts {
		key, value, found := strings.Cut(text, "=")
		if !found || key == "" {
			return nil, fault.New(fault.Usage, "select environments", fmt.Errorf("--label %q is not key=value", text), "--label tier=gold, for a tag of the environments' files")
		}
		labels[key] = value
	}
	return labels, nil
}

func hasLabels(tags, wanted map[string]string) bool {
	for key, value := range wanted {
		if got, ok := tags[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// selectionText shows what a command is about to work on.
func selectionText(chosen []*environment.Environment) string {
	rows := [][]string{{"ENVIRONMENT", "ACCOUNT", "REGION", "MAINTENANCE", "NOTE"}}
	for _, e := range chosen {
		note := ""
		if e.Protected() {
			note = "protected"
		}
		rows = append(rows, []string{e.Name(), e.Account(), e.Region(), strings.Join(e.Maintenance(), "; "), note})
	}
	var b strings.Builder
	b.WriteString(console.Count(len(chosen), "environment") + " selected:\n")
	console.Table(&b, "  ", rows...)
	return b.String()
}

func environmentNames(all []*environment.Environment) []string {
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = e.Name()
	}
	return names
}
