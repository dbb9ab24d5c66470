package run

import "time"

// RecordSchema is the version of a Record's JSON.
const RecordSchema = "infra/run-record/v1"

// Result says how a run ended.
type Result string

// The results of a run.
const (
	Running       Result = "running"         // it holds the lease and is alive
	Done          Result = "done"            // everything that was asked for
	Failed        Result = "failed"          // something failed; the states say what was done
	Refused       Result = "refused"         // by a guard or by a person, before any change
	Interrupted   Result = "interrupted"     // stopped by a signal, everything saved
	Unknown       Result = "unknown"         // it began to change something and never said how it ended
	Recovered     Result = "recovered"       // was unknown, `infra recover` has closed it
	StateNotSaved Result = "state-not-saved" // applied, but a state could not be written
)

// Version is a state as it was at one moment.
type Version struct {
	Lineage   string `json:"lineage"`
	Serial    uint64 `json:"serial"`
	VersionID string `json:"version_id"` // of the S3 object
	SHA256    string `json:"sha256"`     // of the whole object, hex
}

// StackRecord is one stack of a run.
type StackRecord struct {
	Stack   string   `json:"stack"` // "pipeline/prod"
	Before  *Version `json:"before,omitempty"`
	After   *Version `json:"after,omitempty"`
	Plan    string   `json:"plan,omitempty"` // SHA-256 of the plan file that was applied, hex
	Applied int      `json:"applied"`        // resources
	Result  string   `json:"result"`
}

// HostRecord is one host that a run has touched.
type HostRecord struct {
	ID     string `json:"id"` // instance id
	Name   string `json:"name"`
	Result string `json:"result"`
}

// Record is one run in the ledger. It holds no secret.
type Record struct {
	Schema      string            `json:"schema"`
	Run         string            `json:"run"`
	Verb        string            `json:"verb"`
	Environment string            `json:"environment"`
	Who         string            `json:"who"`
	Host        string            `json:"host"`
	Caller      string            `json:"caller"`
	Commit      string            `json:"commit"`
	Dirty       bool              `json:"dirty"`             // the working tree held more than the commit
	Rollout     string            `json:"rollout,omitempty"` // that the run is a part of
	Started     time.Time         `json:"started"`
	Ended       time.Time         `json:"ended,omitzero"`
	Tools       map[string]string `json:"tools,omitempty"`  // program -> version
	Bundle      string            `json:"bundle,omitempty"` // SHA-256 of the bundle that was applied, hex
	Stacks      []StackRecord     `json:"stacks"`
	Hosts       []HostRecord      `json:"hosts"`
	Result      Result            `json:"result"`
	Error       string            `json:"error,omitempty"`
	HardCancel  bool              `json:"hard_cancel,omitempty"` // a person gave up waiting for what was in flight
	Recovers    string            `json:"recovers,omitempty"`    // run that this one has closed or unlocked
	Orphans     []string          `json:"orphans,omitempty"`     // ARNs of resources that no state knows
	RecoveredBy string            `json:"recovered_by,omitempty"`

	closed bool // somebody has closed it for the run
}

// holder is whoever made the run, for people.
func (r Record) holder() string {
	if r.Who == "" {
		return "run " + r.Run
	}
	return Holder{Run: r.Run, Verb: r.Verb, Who: r.Who, Host: r.Host, Commit: r.Commit, Since: r.Started}.String()
}

// Finished tells whether the run has said, or somebody has found out, how it
// ended.
func (r Record) Finished() bool { return r.Result != Running && r.Result != Unknown }

// NewRecord begins the record of a run.
func NewRecord(h Holder, environment string) *Record {
	return &Record{
		Schema: RecordSchema, Run: h.Run, Verb: h.Verb, Environment: environment, Who: h.Who, Host: h.Host, Caller: h.Caller, Commit: h.Commit,
		Rollout: h.Rollout, Started: h.Since, Result: Running, Stacks: []StackRecord{}, Hosts: []HostRecord{},
	}
}
