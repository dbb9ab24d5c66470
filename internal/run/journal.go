package run

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"
)

// journalName is the file of a run's events in its directory, and beside its
// record in the ledger, where it is compressed.
const journalName = "events.jsonl"

// journalLimit bounds a journal that is read: some ten thousand events are a few
// megabytes.
const journalLimit = 256 << 20

// Journal is the file that a run's events go to, one a line. It is safe for use
// by many goroutines.
type Journal struct {
	mu   sync.Mutex
	file *os.File
}

// Journal begins the run's journal, or goes on with it.
func (r *Run) Journal() (*Journal, error) {
	file, err := os.OpenFile(r.File(journalName), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("begin the journal of the run: %w", err)
	}
	return &Journal{file: file}, nil
}

// Add writes a line, which ends with a line feed.
func (j *Journal) Add(line []byte) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.file.Write(line)
	return err
}

// Kept is the journal of a run of this checkout; nil without an error when there
// is none.
func Kept(dir string) ([]byte, error) {
	text, err := os.ReadFile((&Run{Dir: dir}).File(journalName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return text, err
}

func (s *Store) journalKey(run string) string { return s.prefix() + run + "/" + journalName + ".gz" }

// PutJournal keeps the journal of a run beside its record. It is written once:
// that it is there already is no error.
func (s *Store) PutJournal(ctx context.Context, run string, journal []byte) error {
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	_, err := pack.Write(journal)
	if err = errors.Join(err, pack.Close()); err != nil {
		return fmt.Errorf("compress the journal of run %s: %w", run, err)
	}
	key := s.journalKey(run)
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: &key, ExpectedBucketOwner: &s.account, Body: bytes.NewReader(packed.Bytes()),
		ContentType: aws.String("application/gzip"), IfNoneMatch: aws.String("*"),
	})
	if err == nil {
		return nil
	}
	if err = s.explain(ctx, "write "+key, err); errors.Is(err, errConflict) {
		return nil
	}
	return err
}

// JournalOf is the journal that was kept of a run; nil without an error when
// there is none.
func (s *Store) JournalOf(ctx context.Context, run string) ([]byte, error) {
	key := s.journalKey(run)
	o, err := s.get(ctx, key)
	if errors.Is(err, errAbsent) || errors.Is(err, errNoBucket) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pack, err := gzip.NewReader(bytes.NewReader(o.data))
	if err != nil {
		return nil, s.damaged(key, err)
	}
	text, err := io.ReadAll(io.LimitReader(pack, journalLimit))
	if err != nil {
		return nil, s.damaged(key, err)
	}
	return text, nil
}

// Journals are those of the newest n runs that have one, newest first.
func (s *Store) Journals(ctx context.Context, n int) ([][]byte, error) {
	found, err := s.journalled(ctx)
	if err != nil {
		return nil, err
	}
	slices.Sort(found)
	slices.Reverse(found)
	found = found[:min(n, len(found))]
	journals := make([][]byte, len(found))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, id := range found {
		group.Go(func() (err error) {
			journals[i], err = s.JournalOf(ctx, id)
			return err
		})
	}
	return journals, group.Wait()
}

// journalled are the runs that have a journal, of the last months.
func (s *Store) journalled(ctx context.Context) ([]string, error) {
	var found []string
	pages := s3.NewListObjectsV2Paginator(s.client, &s3.ListObjectsV2Input{
		Bucket: &s.bucket, ExpectedBucketOwner: &s.account, Prefix: aws.String(s.prefix()), StartAfter: aws.String(s.prefix() + time.Now().UTC().AddDate(0, -3, 0).Format(dayOf)),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			if err = s.explain(ctx, "list the runs of "+s.environment, err); errors.Is(err, errNoBucket) {
				return nil, nil
			}
			return nil, err
		}
		for _, object := range page.Contents {
			id, name, _ := strings.Cut(strings.TrimPrefix(aws.ToString(object.Key), s.prefix()), "/")
			if name == journalName+".gz" {
				found = append(found, id)
			}
		}
	}
	return found, nil
}
