package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"infra/internal/account"
	"infra/internal/console"
	"infra/internal/drift"
	"infra/internal/fault"
	"infra/internal/install"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/stack"
	"infra/internal/status"
)

// accept asks of everything whether it is as it should be. It changes nothing.
func (i *installation) accept(ctx context.Context) error {
	i.checks = nil
	found, err := driftOf(ctx, i.g, i.p.Project, i.name, provision.DriftOptions{Parallelism: i.o.sel.Parallelism, Wait: i.o.sel.Wait})
	if err != nil && fault.CodeOf(err) != fault.Hosts {
		return err
	}
	sources, problem := statusSources(ctx, i.p)
	if problem != nil {
		return problem
	}
	i.checks = append(i.checks, driftChecks(i.name, found, len(sources.Inventory.Hosts()), err)...)
	asked, err := probe(ctx, i.p, sources)
	if err != nil {
		return err
	}
	i.checks = append(i.checks, layerChecks(i.name, asked)...)
	for _, check := range []func(context.Context, status.Sources) (*install.Check, error){i.backups, i.clusters, i.alarms} {
		c, err := check(ctx, sources)
		if err != nil {
			return err
		}
		if c != nil {
			i.checks = append(i.checks, *c)
		}
	}
	i.g.con.Print(report.AcceptanceText(i.checks))
	if failed := install.Failed(i.checks); len(failed) > 0 {
		names := make([]string, 0, len(failed))
		for _, c := range failed {
			names = append(names, c.Check)
		}
		return fault.New(fault.Failed, "accept "+i.name, fmt.Errorf("not as it should be: %s", strings.Join(names, ", ")),
			cmp.Or(failed[0].Mend, "infra status "+i.name)+", then "+cmp.Or(i.again, "infra install "+i.name))
	}
	return nil
}

// driftChecks are three answers of one look: what Terraform would change, what
// Ansible would, and what nobody manages.
func driftChecks(name string, found []drift.Finding, machines int, hosts error) []install.Check {
	counting, _ := drift.Split(found)
	count := func(kinds ...drift.Kind) int {
		n := 0
		for _, f := range counting {
			if slices.Contains(kinds, f.Kind) {
				n++
			}
		}
		return n
	}
	answer := func(check, good, bad string, n int) install.Check {
		c := install.Check{Check: check, OK: n == 0, Detail: good}
		if n > 0 {
			c.Detail, c.Mend = console.Count(n, bad), "infra drift "+name
		}
		return c
	}
	onHosts := answer("hosts as the roles say", "Ansible would change nothing", "task would change hosts, in all", count(drift.Host))
	switch {
	case machines == 0:
		onHosts.Detail = "there are no hosts"
	case hosts != nil:
		onHosts = install.Check{Check: onHosts.Check, Detail: hosts.Error(), Mend: cmp.Or(fault.HintOf(hosts), "infra configure "+name)}
	}
	return []install.Check{
		answer("a second plan", "it is empty", "resource differs from code or state", count(drift.Code, drift.Outside)), onHosts,
		answer("instances", "every one is managed", "instance that nobody manages", count(drift.Instance)),
	}
}

// layerChecks are what each layer says of itself.
func layerChecks(name string, r *status.Report) []install.Check {
	var checks []install.Check
	add := func(layer, state string, problems []string) {
		c := install.Check{Check: layer + ", asked itself", OK: state == status.Healthy, Detail: state}
		if len(problems) > 0 {
			c.Detail += ": " + strings.Join(problems, "; ")
		}
		if !c.OK {
			c.Mend = "infra status " + name
		}
		checks = append(checks, c)
	}
	if r.Bastion != nil {
		add("bastion", r.Bastion.State, nil)
	}
	if r.Zookeeper != nil {
		add("zookeeper", r.Zookeeper.State, r.Zookeeper.Problems)
	}
	if r.PostgreSQL != nil {
		add("postgresql", r.PostgreSQL.State, r.PostgreSQL.Problems)
	}
	if r.EMR != nil {
		add("emr", r.EMR.State, r.EMR.Problems)
	}
	return checks
}

// backups makes sure that the database has one.
func (i *installation) backups(ctx context.Context, s status.Sources) (*install.Check, error) {
	if s.PostgreSQL == nil {
		return nil, nil //nolint:nilnil // there is no database
	}
	c := &install.Check{Check: "backups", Mend: "infra pg backup " + i.name}
	if s.PostgreSQL.Engine == "rds" {
		return c, i.managedBackups(ctx, c, s)
	}
	o, err := readOverview(ctx, i.p)
	if err != nil {
		return nil, err
	}
	if o.Backup == nil || o.Backup.Bad {
		c.Detail = "there is none that could be restored"
		return c, nil
	}
	c.OK, c.Mend = true, ""
	c.Detail = fmt.Sprintf("%s of %s, %s of database", o.Backup.Label, o.Backup.Stopped.UTC().Format("2006-01-02 15:04 UTC"), console.Size(o.Backup.DatabaseBytes))
	return c, nil
}

// managedBackups asks RDS whether it keeps backups; it makes the first while the
// instance is created.
func (i *installation) managedBackups(ctx context.Context, c *install.Check, s status.Sources) error {
	found, err := rds.NewFromConfig(s.AWS).DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: s.PostgreSQL.Identifier})
	if err != nil {
		return fault.New(fault.Failed, "ask for the backups of "+i.name, err, "infra pg status "+i.name)
	}
	for _, d := range found.DBInstances {
		days := aws.ToInt32(d.BackupRetentionPeriod)
		c.OK, c.Detail = days > 0, fmt.Sprintf("RDS keeps them for %d days", days)
		if d.LatestRestorableTime != nil {
			c.Detail += ", a restore is possible up to " + d.LatestRestorableTime.UTC().Format("2006-01-02 15:04 UTC")
		}
	}
	if c.OK {
		c.Mend = ""
	}
	return nil
}

// clusters makes sure that the cluster in use is well and need not be replaced.
func (i *installation) clusters(ctx context.Context, s status.Sources) (*install.Check, error) {
	if s.EMR == nil {
		return nil, nil //nolint:nilnil // there is none
	}
	o, err := clustersOf(ctx, i.p)
	if err != nil {
		return nil, err
	}
	c := &install.Check{Check: "emr health", OK: o.Healthy(), Detail: o.State + ", advice: " + o.Advice}
	if !c.OK {
		c.Detail, c.Mend = c.Detail+" "+strings.Join(slices.Concat(o.Reasons, o.Problems), "; "), cmp.Or(o.Next, "infra emr status "+i.name)
	}
	return c, nil
}

// alarms makes sure that every alarm of the states exists.
func (i *installation) alarms(ctx context.Context, s status.Sources) (*install.Check, error) {
	there := map[string]bool{}
	pages := cloudwatch.NewDescribeAlarmsPaginator(account.CloudWatch(s.AWS), &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String("infra-" + i.name + "-")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fault.New(fault.Failed, "list the alarms of "+i.name, err, "infra install "+i.name)
		}
		for _, a := range page.MetricAlarms {
			there[aws.ToString(a.AlarmName)] = true
		}
	}
	wanted, missing := 0, []string(nil)
	for _, product := range stack.Products().Names() {
		held, err := i.p.State(ctx, product)
		if err != nil {
			return nil, err
		}
		for _, r := range held.Instances() {
			if r.Type != "aws_cloudwatch_metric_alarm" {
				continue
			}
			if wanted++; !there[r.ID] {
				missing = append(missing, r.ID)
			}
		}
	}
	c := &install.Check{Check: "alarms", OK: len(missing) == 0, Detail: console.Count(wanted, "alarm") + " there"}
	if !c.OK {
		c.Detail, c.Mend = "missing: "+strings.Join(missing, ", "), "infra apply "+i.name
	}
	return c, nil
}
