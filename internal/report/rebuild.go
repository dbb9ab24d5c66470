package report

import (
	"fmt"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/install"
	"infra/internal/preflight"
	"infra/internal/rebuild"
	"infra/internal/restore"
)

// RebuildCheckDocument is `infra rebuild ENV --check --output json`.
type RebuildCheckDocument struct {
	Schema      string              `json:"schema"` // infra/rebuild-check/v1
	Environment string              `json:"environment"`
	Region      string              `json:"region"` // the environment's own
	To          string              `json:"to"`     // the region to build in
	Ready       bool                `json:"ready"`
	Refused     int                 `json:"refused"` // findings that stand in the way
	Places      []rebuild.Finding   `json:"places"`
	Findings    []preflight.Finding `json:"findings"`
}

// RebuildCheck makes the document.
func RebuildCheck(environment, region, to string, places []rebuild.Finding, findings []preflight.Finding) RebuildCheckDocument {
	refused := len(preflight.Refused(findings))
	return RebuildCheckDocument{
		Schema: "infra/rebuild-check/v1", Environment: environment, Region: region, To: to, Ready: refused == 0 && len(places) == 0, Refused: refused,
		Places: append([]rebuild.Finding{}, places...), Findings: append([]preflight.Finding{}, findings...),
	}
}

// RebuildCheckText shows all findings to people.
func RebuildCheckText(doc RebuildCheckDocument) string {
	var b strings.Builder
	b.WriteString(PreflightText(doc.Findings))
	if len(doc.Places) == 0 {
		fmt.Fprintf(&b, "OK  code and settings: nothing in them fits %s alone\n", doc.Region)
		return b.String()
	}
	fmt.Fprintf(&b, "\n%s only one region:\n", fits(len(doc.Places)))
	for _, f := range doc.Places {
		fmt.Fprintf(&b, "%s: %s %s\n    mend: %s\n", f.Place(), f.Kind, console.Plain(f.Found), console.Plain(f.Mend))
	}
	return b.String()
}

func fits(n int) string {
	if n == 1 {
		return "1 place fits"
	}
	return console.Count(n, "place") + " fit"
}

// Rebuilding is what the report of a rebuild is made of.
type Rebuilding struct {
	Record     *rebuild.Record
	Region     string // that it was built in
	Places     []rebuild.Finding
	Warnings   []preflight.Finding
	Checks     []install.Check
	Commit     string // of the code that it was built from
	CommitThen string // of the lost environment's last run
	Made       time.Time
}

// RebuildDocument is `infra rebuild ENV --output json`. Readers must ignore
// members that they do not know.
type RebuildDocument struct {
	Schema      string                `json:"schema"` // infra/rebuild/v1
	Environment string                `json:"environment"`
	Of          string                `json:"of"`
	OfRegion    string                `json:"of_region"`
	Region      string                `json:"region"`
	Rehearsal   bool                  `json:"rehearsal"`
	Made        time.Time             `json:"made"`
	Began       time.Time             `json:"began"`
	Accepted    bool                  `json:"accepted"`
	Lost        time.Time             `json:"lost"`
	RTO         float64               `json:"rto_seconds"` // until every host did its work
	RPO         *float64              `json:"rpo_seconds"` // null: not measured
	RPODetail   string                `json:"rpo_detail"`  // what it was measured by
	Phases      []InstalledPhase      `json:"phases"`
	Data        *rebuild.DataRestored `json:"data"`
	Commit      string                `json:"commit"`
	CommitThen  string                `json:"commit_of_last_run"`
	Checks      []install.Check       `json:"checks"`
	Places      []rebuild.Finding     `json:"places"`
	Warnings    []preflight.Finding   `json:"warnings"`
	Absent      []Named               `json:"absent"` // what no copy holds
}

// Rebuild makes the document.
func Rebuild(r Rebuilding) RebuildDocument {
	rec := r.Record
	doc := RebuildDocument{
		Schema: "infra/rebuild/v1", Environment: rec.Environment, Of: rec.Of, OfRegion: rec.OfRegion, Region: r.Region, Rehearsal: rec.Rehearsal,
		Made: r.Made.UTC(), Began: rec.Began, Accepted: len(r.Checks) > 0 && len(install.Failed(r.Checks)) == 0, Lost: rec.Lost, RTO: rec.RTO().Round(time.Millisecond).Seconds(),
		Phases: []InstalledPhase{}, Data: rec.Data, Commit: r.Commit, CommitThen: r.CommitThen, Checks: append([]install.Check{}, r.Checks...),
		Places: append([]rebuild.Finding{}, r.Places...), Warnings: append([]preflight.Finding{}, r.Warnings...), Absent: absent(rec.Of),
	}
	for _, p := range rec.Phases {
		doc.Phases = append(doc.Phases, InstalledPhase{p.Phase, p.Began, p.Took().Round(time.Millisecond).Seconds(), p.Attempts})
	}
	rpo, err := rec.RPO()
	switch {
	case err != nil:
		doc.RPODetail = "not measured: " + err.Error()
	case rec.Rehearsal:
		doc.RPODetail = "from the last heartbeat that came back to the begin of the recovery: the primary lives and goes on"
	default:
		doc.RPODetail = "from the last heartbeat that came back to the loss of the region at " + restore.Moment(rec.Lost)
	}
	if err == nil {
		seconds := rpo.Round(time.Millisecond).Seconds()
		doc.RPO = &seconds
	}
	return doc
}

// absent is what a rebuild does not bring back, and what to do about it.
func absent(of string) []Named {
	return []Named{
		{"ZooKeeper", "its znodes: the ensemble is new and empty, clients have to make theirs again"},
		{"EMR", "HDFS and running jobs: the cluster is new, jobs have to be submitted again"},
		{"addresses", "names below " + of + "'s private zone and its public addresses: clients have to be led to the new ones"},
		{"pipeline", "the provider of identities for pipelines stays " + of + "'s: set products.baseline.ci where it is to move"},
		{"logs and trail", "what was in the lost region's buckets and log groups"},
		{"second copy", "the new environment has none of its own yet: set recovery.region"},
	}
}

// RebuildText is the report for people.
func RebuildText(doc RebuildDocument) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\n", doc.Environment, rebuildVerdict(doc))
	var rows [][]string
	for _, p := range doc.Phases {
		text := fmt.Sprintf("%.0f s", p.Seconds)
		if p.Attempts > 1 {
			text += fmt.Sprintf(", attempt %d", p.Attempts)
		}
		rows = append(rows, []string{string(p.Phase), text})
	}
	for _, f := range doc.facts() {
		rows = append(rows, []string{f.Name, console.Plain(f.Value)})
	}
	console.Table(&b, "  ", rows...)
	if len(doc.Checks) > 0 {
		b.WriteString("\nacceptance\n" + AcceptanceText(doc.Checks))
	}
	b.WriteString("\nwhat does not come back\n")
	for _, a := range doc.Absent {
		fmt.Fprintf(&b, "  - %s: %s\n", a.Name, a.Value)
	}
	return b.String()
}

// facts are what stands at the top of the page, and below the phases in the text.
func (doc RebuildDocument) facts() []Fact {
	rpo := doc.RPODetail
	if doc.RPO != nil {
		rpo = fmt.Sprintf("%.1f s, %s", *doc.RPO, doc.RPODetail)
	}
	facts := []Fact{{"RTO", fmt.Sprintf("%.0f s, until every host did its work", doc.RTO)}, {"RPO", rpo}}
	if d := doc.Data; d != nil {
		facts = append(facts, Fact{"backup", d.Backup})
		if d.Transaction != nil {
			facts = append(facts, Fact{"last transaction", restore.Moment(*d.Transaction)})
		}
	}
	code := doc.Commit
	if doc.CommitThen != "" && doc.CommitThen != doc.Commit {
		code += ", while the last run of " + doc.Of + " was made from " + doc.CommitThen
	}
	return append(facts, Fact{"code", code})
}

func rebuildVerdict(doc RebuildDocument) string {
	what := doc.Of + " of " + doc.OfRegion + ", built again in " + doc.Region
	switch {
	case doc.Accepted && doc.Rehearsal:
		return "a rehearsal: " + what + ", " + console.Count(len(doc.Checks), "check") + " passed"
	case doc.Accepted:
		return what + ", " + console.Count(len(doc.Checks), "check") + " passed"
	case len(doc.Checks) == 0:
		return what + ", but nothing could be asked how it is"
	default:
		return what + ", but not as it should be: " + console.Count(len(install.Failed(doc.Checks)), "check") + " failed"
	}
}
