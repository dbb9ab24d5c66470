package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/audit"
	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
)

// auditOptions are the flags of audit.
type auditOptions struct {
	all, rules          bool
	failOn, sarif, html string
	wait                run.Wait
}

func newAuditCommand(g *globals) *cobra.Command {
	var o auditOptions
	cmd := describe(&cobra.Command{
		Use:   "audit ENV | --all | --rules",
		Short: "Show who can reach and do what in the environment, and what of it should not be",
		Long: `Looks at what really is in the account: ingress rules by who stands behind their source, roles and users by what they
can do, what is public or not encrypted, stateful things without alarms, keys that are not rotated, logs that are not
kept. Each finding has the rule's ids in public standards (CIS AWS Foundations Benchmark 3.0.0, AWS Security Hub,
checkov) and the line of code of the resource; what nobody's code made is said to be "not in the code".

AWS says what is there; the states, read straight from S3, say whose it is. Roles, buckets, keys and the like count for
the whole account, unless their tag or name says that they are another environment's. What audit.ignore of the
environment's file lists, or a comment #audit:skip=RULE:REASON or #checkov:skip=ID:REASON in the resource's block, is a
known exception: it is listed with its reason and does not count. Nothing is changed, and the plan role is enough. A run
that goes on meanwhile ends it (exit 4).

A finding of --fail-on or worse ends with exit code 2. What AWS does not tell ends with 1: an audit of a half is none.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if (o.all || o.rules) && len(args) == 0 {
				return nil
			}
			if o.all || o.rules {
				return fault.New(fault.Usage, "", errors.New("--all and --rules concern no single environment; name none beside them"), cmd.CommandPath()+" --help")
			}
			return environmentArgument(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error { return runAudit(cmd.Context(), g, args, o) },
	}, "  infra audit prod\n  infra audit prod --fail-on medium --sarif audit.sarif\n  infra audit --all --html audit.html\n  infra audit prod --output json | jq '.environments[].exposures[] | select(.class == \"internet\")'",
		fault.Differences, fault.Refused, fault.Locked)
	flags := cmd.Flags()
	flags.BoolVar(&o.all, "all", false, "every environment, one after the other")
	flags.BoolVar(&o.rules, "rules", false, "list the rules and their ids, without looking at anything")
	flags.StringVar(&o.failOn, "fail-on", audit.High.String(), "the least severity that ends with exit code 2: critical, high, medium, low, or none")
	flags.StringVar(&o.sarif, "sarif", "", "also write the report as SARIF 2.1.0 to this file")
	flags.StringVar(&o.html, "html", "", "also write the report as a page to this file")
	lockFlag(cmd, &o.wait)
	return cmd
}

func runAudit(ctx context.Context, g *globals, names []string, o auditOptions) error {
	if err := new(audit.Severity).UnmarshalText([]byte(o.failOn)); err != nil && o.failOn != report.NoSeverity {
		return fault.New(fault.Usage, "", fmt.Errorf("--fail-on: %w, or none", err), "infra audit --help")
	}
	if o.rules {
		return writeRules(g)
	}
	project, err := g.project()
	if err != nil {
		return err
	}
	if o.all {
		if names, err = environment.List(project); err != nil {
			return err
		}
	}
	var found []report.EnvironmentAudit
	var last error
	for _, name := range names {
		started := time.Now()
		audited, problem := auditOf(ctx, g, project, name, o.wait)
		if problem != nil {
			last = problem
			audited = &provision.Audited{}
		}
		if !o.all && fault.CodeOf(problem) == fault.Usage {
			return problem // nothing was looked at, so there is no report
		}
		found = append(found, report.AuditOf(name, environment.File(project, name), audited.Findings, audited.Facts, time.Since(started), problem, g.con.Masked))
		if ctx.Err() != nil {
			break
		}
	}
	doc := report.Audit(time.Now(), o.failOn, found)
	if err := writeAudit(g, doc, o); err != nil {
		return err
	}
	return looked(doc.Code(), doc.Problems(), last, "audit", "infra audit")
}

// auditOf looks at one environment.
func auditOf(ctx context.Context, g *globals, project, name string, wait run.Wait) (*provision.Audited, error) {
	p, err := provision.Open(ctx, project, name, g.con)
	if err != nil {
		return nil, err
	}
	return p.Audit(ctx, wait)
}

func writeAudit(g *globals, doc report.AuditDocument, o auditOptions) error {
	if err := writeReport(g, o.html, "infra audit --html PATH", report.AuditPage(doc).Write); err != nil {
		return err
	}
	if err := writeReport(g, o.sarif, "infra audit --sarif PATH", func(w io.Writer) error { return report.AuditSARIF(doc, w) }); err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	_, err := fmt.Fprint(g.con.Out(), report.AuditText(doc, g.verbose))
	return err
}

// ruleRow is one rule of `infra audit --rules --output json`.
type ruleRow struct {
	ID       string         `json:"id"`
	Severity audit.Severity `json:"severity"`
	Title    string         `json:"title"`
	Public   []string       `json:"public"`
	Mend     string         `json:"mend"`
}

func writeRules(g *globals) error {
	rules := []ruleRow{}
	for _, r := range audit.Rules() {
		rules = append(rules, ruleRow{r.ID, r.Severity, r.Title, append([]string{}, r.Public...), r.Mend})
	}
	if g.con.JSON() {
		return g.con.WriteJSON(map[string]any{"schema": "infra/audit-rules/v1", "rules": rules})
	}
	var rows [][]string
	for _, r := range rules {
		rows = append(rows, []string{r.ID, r.Severity.String(), r.Title, strings.Join(r.Public, ", ")})
	}
	_, err := fmt.Fprint(g.con.Out(), console.Columns(rows))
	return err
}
