package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
)

// reportOptions are the flags of report.
type reportOptions struct {
	html string
	open bool
}

func newReportCommand(g *globals) *cobra.Command {
	var o reportOptions
	cmd := describe(&cobra.Command{
		Use:   "report ENV [RUN]",
		Short: "Make the report of a run: what changed, where the time went, hosts, health, who and what commit",
		Long: `Makes one HTML file of a run, the newest one unless another is named, and says where it is. The page needs nothing
else, also no network: what changed with destroys first, a timeline of Terraform's resources and Ansible's tasks with the
critical path, hosts, health after, what had been changed outside of infra, states, and who did it from which commit.

A run is told of by its record in the ledger and by its journal, which is kept beside it: any machine can make the report.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) == 2 {
				id = args[1]
			}
			return runReport(cmd.Context(), g, args[0], id, o)
		},
	}, "  infra report prod\n  infra report prod --open\n  infra report prod 20261122T083015Z-1f2e3d --html run.html\n  infra report prod --output json | jq '.critical_path'", fault.Refused)
	cmd.Flags().StringVar(&o.html, "html", "", "the file to write (default: .infra/reports/ENV-RUN.html)")
	cmd.Flags().BoolVar(&o.open, "open", false, "open the page in the browser")
	return cmd
}

func runReport(ctx context.Context, g *globals, name, id string, o reportOptions) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	record, err := reported(ctx, p, id)
	if err != nil {
		return err
	}
	events, err := p.Events(ctx, record.Run)
	if err != nil {
		return err
	}
	doc := report.NewRunReport(record, events, time.Now())
	path := o.html
	if path == "" {
		path = filepath.Join(p.Project, ".infra", "reports", name+"-"+record.Run+".html")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return fault.New(fault.Failed, "write the report", err, "infra report "+name+" --html PATH")
		}
	}
	if err := writeReport(g, path, "infra report "+name+" --html PATH", report.RunPage(doc).Write); err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(doc)
	} else {
		_, err = fmt.Fprintf(g.con.Out(), "%s%s\n", report.RunReportText(doc), path)
	}
	if err != nil || !o.open {
		return err
	}
	return openPage(ctx, path)
}

// reported is the run that is asked for; the newest when none is.
func reported(ctx context.Context, p *provision.Platform, id string) (run.Record, error) {
	if id != "" {
		return p.Runs().Find(ctx, id)
	}
	runs, err := p.Runs().Runs(ctx, 1)
	if err == nil && len(runs) == 0 {
		err = fault.New(fault.Usage, "report on "+p.Env.Name(), errors.New("nothing was done to it yet"), "infra apply "+p.Env.Name())
	}
	if err != nil {
		return run.Record{}, err
	}
	return runs[0], nil
}

// openPage shows a file in the user's browser.
func openPage(ctx context.Context, path string) error {
	program := "xdg-open"
	if runtime.GOOS == "darwin" {
		program = "open"
	}
	whole, err := filepath.Abs(path)
	if err != nil {
		return fault.New(fault.Failed, "open the report", err, "")
	}
	if err := exec.CommandContext(ctx, program, whole).Run(); err != nil {
		return fault.New(fault.Failed, "open the report", fmt.Errorf("%s: %w", program, err), "open "+whole+" in a browser")
	}
	return nil
}
