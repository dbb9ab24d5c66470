package main

import (
	"strings"
	"testing"

	"infra/internal/emr"
	"infra/internal/environment"
	"infra/internal/fault"
)

// TestColourRecord writes down the colours as two runs would that do not know
// of each other: the second learns that it is late.
func TestColourRecord(t *testing.T) {
	c := newCloud(t)
	records := emr.Records{Client: c.s3(t), Bucket: c.bucket, Account: cloudAccount, Environment: "cloud"}
	if got, err := records.Read(t.Context()); got != nil || err != nil {
		t.Errorf("without a bucket: %+v, %v", got, err)
	}
	c.run(t, 0, "bootstrap", "cloud")
	if got, err := records.Read(t.Context()); got != nil || err != nil {
		t.Errorf("without a record: %+v, %v", got, err)
	}
	first := &emr.Colours{Schema: emr.ColoursSchema, Colours: environment.Colours{Active: "blue", Clusters: []string{"blue"}}}
	late := *first
	if err := records.Write(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	late.Active = "green"
	if err := records.Write(t.Context(), &late); fault.CodeOf(err) != fault.Refused || !strings.Contains(err.Error(), "somebody else has written them") {
		t.Errorf("a second first record: %v", err)
	}
	read, err := records.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first.Clusters = []string{"blue", "green"}
	if err := records.Write(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	read.Active = "green"
	if err := records.Write(t.Context(), read); fault.CodeOf(err) != fault.Refused {
		t.Errorf("over what was read before: %v", err)
	}
	// A run whose answer got lost writes the same once more.
	again, err := records.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	twice := *again
	again.Active = "green"
	twice.Active = "green"
	if err := records.Write(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	if err := records.Write(t.Context(), &twice); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	if err := records.Write(t.Context(), &twice); err != nil {
		t.Errorf("and then the next: %v", err)
	}
}
