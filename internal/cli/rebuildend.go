package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"time"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
)

// tellHow writes the report, also of what did not end well.
func (r *rebuilding) tellHow(ctx context.Context) error {
	now, then := r.commit(ctx)
	doc := report.Rebuild(report.Rebuilding{
		Record: r.record, Region: r.o.region, Places: r.places, Warnings: warnings(r.findings), Checks: r.checks, Commit: now, CommitThen: then, Made: time.Now(),
	})
	files, err := r.write(doc)
	if err != nil {
		return fault.New(fault.Failed, "write the report of the rebuild", err, r.o.command(r.source.Name())+" --html PATH, to a folder that exists")
	}
	if r.g.con.JSON() {
		err = r.g.con.WriteJSON(doc)
	} else {
		r.g.con.Print("\n" + report.RebuildText(doc))
	}
	for _, file := range files {
		r.g.con.Step("report: %s", file)
	}
	return err
}

// write puts the report where the next person looks for it.
func (r *rebuilding) write(doc report.RebuildDocument) ([]string, error) {
	var page bytes.Buffer
	if err := report.RebuildPage(doc).Write(&page); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(r.project, ".infra", "rebuild")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	html := []byte(r.g.con.Masked(page.String()))
	files := []string{filepath.Join(dir, r.o.to+".html"), filepath.Join(dir, r.o.to+".json")}
	contents := [][]byte{html, []byte(r.g.con.Masked(string(data)) + "\n")}
	if r.o.html != "" {
		files, contents = append(files, r.o.html), append(contents, html)
	}
	for i, file := range files {
		if err := os.WriteFile(file, contents[i], 0o600); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// takeAway ends a rehearsal: everything that was made goes, and the
// environment's file last, since by it the rest is found.
func (r *rebuilding) takeAway(ctx context.Context) error {
	there, err := environment.Load(r.project, r.o.to)
	if err != nil || r.target == nil || there.RebuiltFrom() != r.source.Name() || filepath.Dir(there.File()) != environment.Throwaways {
		return nil //nolint:nilerr // nothing was made: what went wrong is told already
	}
	r.g.con.Step("taking the rehearsal %s away", r.o.to)
	o := uninstallOptions{changeOptions: r.o.changeOptions, deleteData: true}
	o.confirm = r.o.to
	p, err := begin(ctx, r.g, r.o.to, provision.Selection{Parallelism: r.o.sel.Parallelism})
	if err != nil {
		return err
	}
	gone, err := uninstall(ctx, r.g, p, o)
	if err != nil {
		return err
	}
	r.g.con.Print("\n" + report.UninstallText(gone))
	if !gone.Gone {
		return fault.New(fault.Failed, "take the rehearsal "+r.o.to+" away", errors.New(gone.Verdict), "infra uninstall "+r.o.to+" --delete-data")
	}
	return os.Remove(filepath.Join(r.project, there.File()))
}
