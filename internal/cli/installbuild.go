package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/install"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
	"infra/internal/state"
)

// build applies and configures in one run, so that it asks once and nobody
// comes in between.
func (i *installation) build(ctx context.Context) error {
	if err := recoverOwn(ctx, i.g, i.name, i.o.sel.Wait, "install"); err != nil {
		return err
	}
	p, err := begin(ctx, i.g, i.name, i.o.sel)
	if err != nil {
		return err
	}
	if err := p.Preflight(ctx, i.o.allowDirty); err != nil {
		return err
	}
	approve := approval(i.g, p, i.o.autoApprove, i.o.confirm, "infra install "+i.name)
	return p.Change(ctx, "install", i.o.sel.Wait, func(ctx context.Context) error {
		var stacks []provision.StackResult
		err := i.phase(ctx, install.Apply, func(ctx context.Context) (err error) {
			stacks, err = p.Apply(ctx, i.o.sel, approve)
			return err
		})
		for _, s := range stacks {
			i.changed = i.changed || s.Applied > 0
		}
		if err != nil {
			return err
		}
		return i.phase(ctx, install.Configure, func(ctx context.Context) error {
			hosts, err := p.Configure(ctx, nil)
			i.changed = i.changed || hosts.Changed() > 0
			return err
		})
	})
}

// recoverOwn closes a run of the same command that was killed: whoever types it
// again wants it to go on. What it has made and no state knows is for a person
// to decide about.
func recoverOwn(ctx context.Context, g *globals, name string, wait run.Wait, verbs ...string) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	_, head, err := p.Runs().Look(ctx)
	if err != nil || head.Open == "" {
		return err
	}
	open, err := p.Runs().Find(ctx, head.Open)
	if errors.Is(err, run.ErrNoRecord) || err == nil && !slices.Contains(verbs, open.Verb) {
		return nil // whoever wants the lease says what to type
	}
	if err != nil {
		return err
	}
	g.con.Step("run %s was killed: closing it first", head.Open)
	recovery, err := p.Recover(ctx, wait, func(run.Record) error { return nil })
	if err != nil {
		return err
	}
	if len(recovery.Orphans) == 0 {
		return nil
	}
	g.con.Print(report.RecoveryText(report.Recovery(name, p.Env.Region(), p.Env.Endpoint(), p.Run.ID, recovery)))
	return fault.New(fault.Refused, "go on with "+name, errors.New(console.Count(len(recovery.Orphans), "thing")+" that run "+head.Open+" has made, or may have, in no state"),
		"import or delete what is listed above, then the same command again")
}

// handOver writes the report and says how it ended.
func (i *installation) handOver(ctx context.Context) error {
	states := map[string]map[string]state.Output{}
	for _, product := range []string{"baseline", "pipeline"} {
		s, err := i.p.State(ctx, product)
		if err != nil {
			return err
		}
		states[product] = s.Outputs
	}
	doc, err := report.Install(report.Installation{
		Env: i.p.Env, Record: i.record.Record, Preflight: i.findings, Acceptance: i.checks, Changed: i.changed, Baseline: states["baseline"], Pipeline: states["pipeline"],
		KeyARN: i.p.Bucket().KeyARN(), Infra: version, Commit: revision(), Began: i.began, Made: time.Now(),
	})
	if err != nil {
		return fault.New(fault.Failed, "write the handover report of "+i.name, err, "infra install "+i.name)
	}
	files, err := i.writeHandover(doc)
	if err != nil {
		return fault.New(fault.Failed, "write the handover report of "+i.name, err, "infra install "+i.name+" --html PATH, to a folder that exists")
	}
	if i.g.con.JSON() {
		err = i.g.con.WriteJSON(doc)
	} else {
		i.g.con.Print("\n" + report.InstallText(doc))
	}
	for _, file := range files {
		i.g.con.Step("handover report: %s", file)
	}
	if !i.changed {
		i.g.con.Step("%s is installed and as it should be, nothing was changed", i.name)
	}
	return err
}

// writeHandover puts the report where the next person looks for it.
func (i *installation) writeHandover(doc report.InstallDocument) ([]string, error) {
	var page, data bytes.Buffer
	if err := report.InstallPage(doc).Write(&page); err != nil {
		return nil, err
	}
	encoder := json.NewEncoder(&data)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(doc); err != nil {
		return nil, err
	}
	dir := filepath.Join(i.p.Project, ".infra", "handover")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	html := []byte(i.g.con.Masked(page.String()))
	contents := map[string][]byte{
		filepath.Join(dir, i.name+".html"): html, filepath.Join(dir, i.name+".json"): []byte(i.g.con.Masked(data.String())),
		filepath.Join(dir, i.name+".txt"): []byte(i.g.con.Masked(report.InstallText(doc))),
	}
	if i.o.html != "" {
		contents[i.o.html] = html
	}
	var files []string
	for file, text := range contents {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	slices.Sort(files)
	return files, nil
}
