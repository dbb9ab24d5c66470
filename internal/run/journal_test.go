package run

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestJournal(t *testing.T) {
	b := newBucket(t)
	s := b.store()
	r := &Run{ID: "20261129T080000Z-aaaaaa", Dir: t.TempDir()}
	if got, err := Kept(r.Dir); err != nil || got != nil {
		t.Errorf("a run without a journal has %q, %v", got, err)
	}
	j, err := r.Journal()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if err := j.Add([]byte(fmt.Sprintf("{\"event\":%d}\n", i))); err != nil {
			t.Fatal(err)
		}
	}
	text, err := Kept(r.Dir)
	if err != nil || strings.Count(string(text), "\n") != 100 {
		t.Fatalf("kept is %q, %v", text, err)
	}
	if got, err := s.JournalOf(t.Context(), r.ID); err != nil || got != nil {
		t.Errorf("a run whose journal is not in S3 has %q, %v", got, err)
	}
	for range 2 { // the answer to the first may have been lost
		if err := s.PutJournal(t.Context(), r.ID, text); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := s.JournalOf(t.Context(), r.ID); err != nil || !bytes.Equal(got, text) {
		t.Errorf("S3 has %d bytes, %v", len(got), err)
	}
	if packed := len(b.objects["runs/prod/"+r.ID+"/events.jsonl.gz"].data); packed == 0 || packed > len(text)/2 {
		t.Errorf("of %d bytes %d are kept", len(text), packed)
	}
}

// The newest journals are read, and the ledger's own runs stay what they are.
func TestJournals(t *testing.T) {
	b := newBucket(t)
	s := b.store()
	now := time.Now().UTC()
	for i := range 4 {
		id := now.AddDate(0, 0, -i).Format(stamped) + "-aaaaaa"
		if err := s.PutJournal(t.Context(), id, []byte(fmt.Sprintf("%d days ago\n", i))); err != nil {
			t.Fatal(err)
		}
	}
	journals, err := s.Journals(t.Context(), 2)
	if err != nil || len(journals) != 2 || string(journals[0]) != "0 days ago\n" || string(journals[1]) != "1 days ago\n" {
		t.Errorf("got %q, %v", journals, err)
	}
	if runs, err := s.Runs(t.Context(), 9); err != nil || len(runs) != 0 {
		t.Errorf("journals look like %d runs, %v", len(runs), err)
	}
}

func TestDamagedJournalIsSaid(t *testing.T) {
	b := newBucket(t)
	s := b.store()
	b.set(func() {
		b.objects["runs/prod/20261129T080000Z-aaaaaa/events.jsonl.gz"] = stored{data: []byte("no gzip"), etag: "1", modified: time.Now()}
	})
	if _, err := s.JournalOf(t.Context(), "20261129T080000Z-aaaaaa"); err == nil || !strings.Contains(err.Error(), "events.jsonl.gz") {
		t.Errorf("got %v", err)
	}
	b.before = func(w http.ResponseWriter, _ *http.Request, _ string) bool {
		w.WriteHeader(http.StatusForbidden)
		return true
	}
	if err := s.PutJournal(t.Context(), "20261129T080000Z-bbbbbb", []byte("x\n")); err == nil {
		t.Error("a journal that may not be written is no error")
	}
}
