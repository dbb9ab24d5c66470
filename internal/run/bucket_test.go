package run

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/account"
)

// bucket is a small S3 with conditional writes and a clock of its own, for
// what no emulator does: answers that lie, clocks that are off. The real API's
// behaviour is asked of the emulator, in cmd/infra.
type bucket struct {
	t   testing.TB
	url string

	mu      sync.Mutex
	objects map[string]stored
	writes  int
	offset  time.Duration // of its clock
	latency time.Duration // of every answer
	// before may answer in S3's place: true when it has.
	before func(w http.ResponseWriter, r *http.Request, key string) bool
	// after may lose the answer to a write that was done.
	after func(key string) (lose bool)
}

type stored struct {
	data     []byte
	etag     string
	modified time.Time
}

func newBucket(t testing.TB) *bucket {
	t.Helper()
	b := &bucket{t: t, objects: map[string]stored{}}
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// store opens the environment anew, with a heartbeat quick enough to watch.
func (b *bucket) store() *Store {
	client := s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(b.url), UsePathStyle: true, RetryMaxAttempts: 2,
		Credentials: credentials.NewStaticCredentialsProvider("key", "secret", ""),
	})
	s := NewStore(client, "bucket", "123456789012", "prod")
	s.every = 20 * time.Millisecond
	return s
}

func (b *bucket) now() time.Time { return time.Now().UTC().Add(b.offset) }

// set changes the bucket while it serves.
func (b *bucket) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// age makes an object older.
func (b *bucket) age(key string, by time.Duration) {
	b.set(func() {
		o := b.objects[key]
		o.modified = o.modified.Add(-by)
		b.objects[key] = o
	})
}

func (b *bucket) has(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ok := b.objects[key]
	return ok
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	time.Sleep(b.latency)
	b.mu.Lock()
	defer b.mu.Unlock()
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/bucket"), "/")
	w.Header().Set("Date", b.now().Format(http.TimeFormat))
	if r.Header.Get("x-amz-expected-bucket-owner") != "123456789012" {
		deny(w, http.StatusForbidden, "AccessDenied")
		return
	}
	if b.before != nil && b.before(w, r, key) {
		return
	}
	switch {
	case r.Method == http.MethodGet && key == "":
		b.list(w, r)
	case r.Method == http.MethodGet:
		o, ok := b.objects[key]
		if !ok {
			deny(w, http.StatusNotFound, "NoSuchKey")
			return
		}
		w.Header().Set("ETag", o.etag)
		w.Header().Set("Last-Modified", o.modified.Format(http.TimeFormat))
		_, _ = w.Write(o.data)
	case r.Method == http.MethodPut:
		b.put(w, r, key)
	default:
		deny(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func (b *bucket) put(w http.ResponseWriter, r *http.Request, key string) {
	data, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client has given up
	}
	o, ok := b.objects[key]
	if match := r.Header.Get("If-Match"); (r.Header.Get("If-None-Match") == "*" && ok) || (match != "" && match != o.etag) {
		deny(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return
	}
	b.writes++
	o = stored{data: data, etag: fmt.Sprintf("%q", fmt.Sprint("etag-", b.writes)), modified: b.now()}
	b.objects[key] = o
	if b.after != nil && b.after(key) {
		deny(w, http.StatusInternalServerError, "InternalError")
		return
	}
	w.Header().Set("ETag", o.etag)
}

func (b *bucket) list(w http.ResponseWriter, r *http.Request) {
	type content struct{ Key string }
	answer := struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []content
	}{}
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if strings.HasPrefix(key, r.URL.Query().Get("prefix")) && key > r.URL.Query().Get("start-after") {
			answer.Contents = append(answer.Contents, content{key})
		}
	}
	if err := xml.NewEncoder(w).Encode(answer); err != nil {
		b.t.Error(err)
	}
}

func deny(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code)
}

func targetOf(b *bucket) account.Target {
	return account.Target{Region: "eu-west-1", Endpoint: b.url}
}
