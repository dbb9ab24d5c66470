// Package rebuild is how an environment is built again in another region after
// its own was lost: what is written down there while all is well (Point), what
// of the code and the settings only fits the old region (scan.go, settings.go),
// the new environment's file (file.go), and how far a rebuild got (Record). It
// decides, others act.
//
// The code and the environment's file are in git. Of the states it needs one
// thing alone, which backups are the database's, and that is in the Point; the
// states are copied beside it for people who look for what nobody had in code.
package rebuild

import (
	"fmt"
	"strings"
	"time"

	"infra/internal/install"
)

// PointSchema is the version of a Point's JSON.
const PointSchema = "infra/recovery-point/v1"

// PointKey is where the Point is in the bucket of second copies.
const PointKey = "recovery.json"

// StateKey is where the copy of a state is in that bucket.
func StateKey(key string) string { return "states/" + key }

// Point is what the region that outlives an environment knows of it, as its
// last run left it. It holds no secret.
type Point struct {
	Schema      string    `json:"schema"`
	Environment string    `json:"environment"`
	Account     string    `json:"account"`
	Region      string    `json:"region"` // the environment's own
	Run         string    `json:"run"`
	At          time.Time `json:"at"`
	Commit      string    `json:"commit"` // that the run was made from
	Dirty       bool      `json:"dirty"`  // and more than that
	Database    *Database `json:"database"`
	States      []Copy    `json:"states"`
}

// Database says which backups are the database's.
type Database struct {
	Cluster string `json:"cluster"`
	Version string `json:"version"`
	Secret  string `json:"secret"` // ARN of the backups' passphrase in the environment's own region
}

// SecretIn is the ARN of the passphrase's copy in another region: Secrets
// Manager gives it the same name.
func (d Database) SecretIn(region string) (string, error) {
	return regional(d.Secret, region)
}

// Backups is where the backups are in the bucket of second copies: the role
// pgbackrest names the folder after the cluster and the mark that Secrets
// Manager gave to the passphrase.
func (d Database) Backups() string {
	mark := d.Secret[strings.LastIndexByte(d.Secret, '-')+1:]
	return "pgbackrest/" + d.Cluster + "-" + mark + "/backup/main"
}

// Copy is the copy of a state.
type Copy struct {
	Key     string `json:"key"` // in the bucket of second copies
	Serial  uint64 `json:"serial"`
	Lineage string `json:"lineage"`
}

// RecordSchema is the version of a Record's JSON.
const RecordSchema = "infra/rebuild-record/v1"

// DocumentName is the record's name beside the ledger of the new environment.
const DocumentName = "rebuild"

// Data is the phase that an installation does not have: the database's data is
// brought back onto its first host, before the hosts are configured.
const Data install.Phase = "data"

// Phases are all of them, in their order.
func Phases() []install.Phase {
	return []install.Phase{install.Preflight, install.Bootstrap, install.Apply, Data, install.Configure, install.Acceptance}
}

// Record is how far a rebuild got. It holds no secret.
type Record struct {
	install.Record

	Of        string        `json:"of"`        // the environment that is rebuilt
	OfRegion  string        `json:"of_region"` // that was lost
	Rehearsal bool          `json:"rehearsal"`
	Lost      time.Time     `json:"lost"` // when the region was lost, as far as known
	Data      *DataRestored `json:"data,omitempty"`
}

// DataRestored is what came back of the database.
type DataRestored struct {
	Host        string     `json:"host"`
	Backup      string     `json:"backup"`
	Began       time.Time  `json:"began"`       // the recovery: WAL archived later may be missing
	Transaction *time.Time `json:"transaction"` // the last that was replayed; null: none after the backup
	Heartbeat   *time.Time `json:"heartbeat"`   // the primary's last that came back; null: it had none
	Canaries    string     `json:"canaries"`    // what was found of the rows that never change
	CanariesOK  bool       `json:"canaries_ok"`
}

// NewRecord begins a record.
func NewRecord(environment, of, ofRegion string, rehearsal bool, now time.Time) *Record {
	r := &Record{Record: *install.NewRecord(environment, now), Of: of, OfRegion: ofRegion, Rehearsal: rehearsal, Lost: now.UTC()}
	r.Schema = RecordSchema
	return r
}

// RTO is how long it took from the begin of the rebuild until every host did its
// work again, interruptions included; zero while they do not. What is proven
// afterwards is not in it.
func (r *Record) RTO() time.Duration {
	for _, p := range r.Phases {
		if p.Phase == install.Configure && p.Result == "done" {
			return p.Ended.Sub(r.Began)
		}
	}
	return 0
}

// RPO is how much of the database did not come back: from the last heartbeat
// that did, or the last transaction, to the loss. A rehearsal takes the moment
// at which the recovery began for the loss, since the primary goes on archiving.
func (r *Record) RPO() (time.Duration, error) {
	if r.Data == nil {
		return 0, fmt.Errorf("no data was restored")
	}
	last, lost := r.Data.Heartbeat, r.Lost
	if last == nil {
		last = r.Data.Transaction
	}
	if last == nil {
		return 0, fmt.Errorf("the backup holds neither a heartbeat nor a transaction after it")
	}
	if r.Rehearsal {
		lost = r.Data.Began
	}
	return max(0, lost.Sub(*last)), nil
}
