package cli

import (
	"context"
	"time"

	"infra/internal/install"
	"infra/internal/run"
)

// customerRecord is the record of an installation, or of its end, as this
// command has read it or written it last.
type customerRecord struct {
	*install.Record
	runs *run.Store
	etag string // of what is in the bucket; empty: nothing is
}

// newCustomerRecord begins one that is written nowhere yet.
func newCustomerRecord(name string, runs *run.Store, now time.Time) *customerRecord {
	return &customerRecord{Record: install.NewRecord(name, now), runs: runs}
}

// read takes over what an earlier command has written down.
func (r *customerRecord) read(ctx context.Context) (err error) {
	r.etag, err = r.runs.Document(ctx, install.DocumentName, r.Record)
	return err
}

// note writes down how far it got.
func (r *customerRecord) note(ctx context.Context) (err error) {
	r.etag, err = r.runs.PutDocument(ctx, install.DocumentName, r.Record, r.etag)
	return err
}
