package snapshot

import "time"

// The documents that `infra snapshot plan|run ENV --output json` print.
// Readers must ignore members that they do not know.
const (
	PlanSchema = "infra/snapshot-plan/v1"
	RunSchema  = "infra/snapshot-run/v1"
)

// PlanDocument is a plan. Times are in seconds.
type PlanDocument struct {
	Schema      string         `json:"schema"`
	Environment string         `json:"environment"`
	Host        string         `json:"host"`
	Volume      string         `json:"volume"`
	Sources     Sources        `json:"sources"`
	Feasible    bool           `json:"feasible"`
	Reason      string         `json:"reason,omitempty"`
	Target      float64        `json:"target"`
	Possible    float64        `json:"possible"` // the shortest target that there is a chain for
	Rho         float64        `json:"rho"`
	Limit       float64        `json:"limit"`
	Window      float64        `json:"window"`
	Downtime    float64        `json:"downtime"`
	Parts       DowntimeParts  `json:"downtime_parts"`
	Used        int64          `json:"used_bytes"`
	Size        int64          `json:"volume_bytes"`
	Random      float64        `json:"random_blocks_per_hour"`
	Sequential  float64        `json:"sequential_bytes_per_hour"`
	Snapshot    SpeedDocument  `json:"snapshot"`
	Copy        *SpeedDocument `json:"copy"` // null: no other region
	Gap         float64        `json:"gap"`
	Since       float64        `json:"since"` // age of the snapshot that the chain stands on, 0: none
	Steps       []StepDocument `json:"steps"`
}

// Sources say where the figures of a plan come from.
type Sources struct {
	Writes     string `json:"writes"`
	Throughput string `json:"throughput"`
}

// DowntimeParts are what the downtime is made of besides the window.
type DowntimeParts struct {
	Stop       float64 `json:"stop"`
	Create     float64 `json:"create"`
	Initialise float64 `json:"initialise"`
	Recovery   float64 `json:"recovery"`
}

// SpeedDocument is how long changed blocks take.
type SpeedDocument struct {
	Throughput float64 `json:"bytes_per_second"`
	Overhead   float64 `json:"overhead"`
}

// StepDocument is one planned snapshot.
type StepDocument struct {
	Number int     `json:"number"`
	Start  float64 `json:"start"` // after the chain's beginning
	Bytes  float64 `json:"bytes"`
	Took   float64 `json:"took"`
	Copied float64 `json:"copied"`
	Final  bool    `json:"final"`
}

// Subject is what is moved, for texts and documents.
type Subject struct {
	Environment string
	Host        string
	Volume      string
	Sources     Sources
}

// Document is the plan's JSON document.
func (p Plan) Document(of Subject) PlanDocument {
	in := p.Inputs
	d := PlanDocument{
		Schema: PlanSchema, Environment: of.Environment, Host: of.Host, Volume: of.Volume, Sources: of.Sources,
		Feasible: p.Feasible, Reason: p.Reason, Target: in.Target.Seconds(), Possible: p.Possible.Seconds(), Rho: p.Rho,
		Limit: p.Limit.Seconds(), Window: p.Window.Seconds(), Downtime: p.Downtime.Seconds(),
		Parts: DowntimeParts{
			Stop: in.Downtime.Stop.Seconds(), Create: in.Downtime.Create.Seconds(),
			Initialise: in.Downtime.Initialise.Seconds(), Recovery: in.Downtime.Recovery.Seconds(),
		},
		Used: in.Extent.Used, Size: in.Extent.Volume, Random: in.Writes.Random, Sequential: in.Writes.Sequential,
		Snapshot: in.Snapshot.document(), Gap: in.Gap.Seconds(), Since: in.Since.Seconds(), Steps: []StepDocument{},
	}
	if in.Copy != nil {
		copied := in.Copy.document()
		d.Copy = &copied
	}
	for _, s := range p.Steps {
		d.Steps = append(d.Steps, StepDocument{Number: s.Number, Start: s.Start.Seconds(), Bytes: s.Bytes, Took: s.Took.Seconds(), Copied: s.Copied.Seconds(), Final: s.Final})
	}
	return d
}

func (s Speed) document() SpeedDocument {
	return SpeedDocument{Throughput: s.Throughput, Overhead: s.Overhead.Seconds()}
}

// RunDocument is what a run did. Times are in seconds.
type RunDocument struct {
	Schema      string             `json:"schema"`
	Environment string             `json:"environment"`
	Run         string             `json:"run"`
	Chain       string             `json:"chain"`
	Host        string             `json:"host"`
	Source      string             `json:"source_volume"`
	Consistency string             `json:"consistency"`
	Planned     PlanDocument       `json:"planned"` // at the beginning
	Final       PlanDocument       `json:"final"`   // just before the last snapshot
	Snapshots   []TakenDocument    `json:"snapshots"`
	Snapshot    string             `json:"snapshot"` // the last one, where it was moved to
	Volume      string             `json:"volume"`   // made of it
	Create      float64            `json:"create"`
	Window      float64            `json:"window"`
	Downtime    float64            `json:"downtime"`  // window, volume and recovery, as they were
	Recovered   *RecoveredDocument `json:"recovered"` // null: not tried
	Left        string             `json:"left,omitempty"`
}

// TakenDocument is a snapshot that was made.
type TakenDocument struct {
	Number          int       `json:"number"`
	Snapshot        string    `json:"snapshot"`
	Copy            string    `json:"copy,omitempty"`
	Started         time.Time `json:"started"`
	Took            float64   `json:"took"`
	Copied          float64   `json:"copied"`
	EstimatedTook   float64   `json:"estimated_took"`
	EstimatedCopied float64   `json:"estimated_copied"`
	EstimatedBytes  float64   `json:"estimated_bytes"`
	Standstill      float64   `json:"standstill"`
	Resumed         bool      `json:"resumed"`
}

// RecoveredDocument is the server that was started from the last snapshot.
type RecoveredDocument struct {
	Host     string  `json:"host"`
	Control  string  `json:"control"`
	Version  string  `json:"version"`
	System   string  `json:"system_identifier"`
	Timeline string  `json:"timeline"`
	Position string  `json:"position"`
	Took     float64 `json:"took"`
	Source   string  `json:"source_answer,omitempty"`
	Answer   string  `json:"answer,omitempty"`
}

// Document is the run's JSON document.
func (r *Result) Document(of Subject, c *Chain) RunDocument {
	d := RunDocument{
		Schema: RunSchema, Environment: of.Environment, Run: c.ID, Chain: r.Chain, Host: of.Host, Source: of.Volume, Consistency: c.Way,
		Planned: r.Planned.Document(of), Final: r.Final.Document(of), Snapshots: []TakenDocument{},
		Snapshot: r.Snapshot, Volume: r.Volume, Create: r.Create.Seconds(), Downtime: r.Downtime.Seconds(),
	}
	for _, t := range r.Taken {
		d.Snapshots = append(d.Snapshots, TakenDocument{
			Number: t.Step, Snapshot: t.ID, Copy: t.CopyID, Started: t.Started.UTC(), Took: t.Took.Seconds(), Copied: t.Copied.Seconds(),
			EstimatedTook: t.Estimated.Took.Seconds(), EstimatedCopied: t.Estimated.Copied.Seconds(), EstimatedBytes: t.Estimated.Bytes,
			Standstill: t.Still.Seconds(), Resumed: t.Resumed,
		})
		d.Window = (t.Took + t.Copied).Seconds()
	}
	if f := r.Recovered; f != nil {
		d.Recovered = &RecoveredDocument{
			Host: f.Host, Control: f.Control, Version: f.Version, System: f.System, Timeline: f.Timeline, Position: f.Position,
			Took: f.Took.Seconds(), Source: f.Source, Answer: f.Answer,
		}
	}
	if r.Cleanup != nil {
		d.Left = r.Cleanup.Error()
	}
	return d
}
