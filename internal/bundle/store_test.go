package bundle_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"infra/internal/bundle"
	"infra/internal/fault"
)

// The way to a real S3 API is tested in cmd/infra; here a server answers what
// that one never would.
func client(t *testing.T, answer http.HandlerFunc) *s3.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return s3.New(s3.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})
}

func place() bundle.Place {
	return bundle.Place{Bucket: "states", Account: "111111111111", Key: bundle.Key("prod", "r1"), KMSKey: "arn:aws:kms:eu-west-1:111111111111:alias/infra-state"}
}

// fails answers with a status and S3's form of an error.
func fails(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "<Error><Code>"+code+"</Code><Message>said "+code+"</Message></Error>")
	}
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string][2]string{
		"s3://b/bundles/prod/r.bundle": {"b", "bundles/prod/r.bundle"}, "s3://b/": {}, "s3:///k": {}, "s3://": {}, "b/k": {}, "./s3://b/k": {}, "": {},
	} {
		bucket, key, ok := bundle.ParseURL(text)
		if ok != (want[0] != "") || (ok && (bucket != want[0] || key != want[1])) {
			t.Errorf("ParseURL(%q) = %q, %q, %v", text, bucket, key, ok)
		}
	}
	p := place()
	if bucket, key, ok := bundle.ParseURL(p.URL()); !ok || bucket != p.Bucket || key != p.Key {
		t.Errorf("%s is not read as it is written", p.URL())
	}
}

func TestPutAsksForWhatMatters(t *testing.T) {
	made := written(t)
	var asked http.Header
	err := place().Put(t.Context(), client(t, func(w http.ResponseWriter, r *http.Request) {
		asked = r.Header
		w.Header().Set("x-amz-server-side-encryption", "aws:kms")
	}), made.Path)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := hex.DecodeString(made.Digest)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"If-None-Match": "*", "X-Amz-Expected-Bucket-Owner": "111111111111", "X-Amz-Server-Side-Encryption": "aws:kms",
		"X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": place().KMSKey, "X-Amz-Checksum-Sha256": base64.StdEncoding.EncodeToString(digest),
	} {
		if asked.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, asked.Get(name), want)
		}
	}
}

func TestPutRefuses(t *testing.T) {
	made := written(t)
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   fault.Code
		says   string
	}{
		"not encrypted":           {func(http.ResponseWriter, *http.Request) {}, fault.Failed, "instead of KMS"},
		"there already":           {fails(412, "PreconditionFailed"), fault.Refused, "none is ever replaced"},
		"row 29: KMS key denied":  {fails(403, "AccessDenied"), fault.Refused, "AccessDenied: said AccessDenied"},
		"row 24: another account": {fails(403, "AccessDenied"), fault.Refused, "the bucket is another account's"},
		"no bucket":               {fails(404, "NoSuchBucket"), fault.Refused, "there is none"},
		"S3 is ill":               {fails(503, "SlowDown"), fault.Failed, "SlowDown"},
	} {
		t.Run(name, func(t *testing.T) {
			err := place().Put(t.Context(), client(t, c.answer), made.Path)
			if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "s3://states/bundles/prod/r1.bundle") || fault.HintOf(err) == "" {
				t.Errorf("code %d, hint %q: %v", fault.CodeOf(err), fault.HintOf(err), err)
			}
		})
	}
	if err := place().Put(t.Context(), client(t, fails(500, "")), made.Path+"x"); fault.CodeOf(err) != fault.Failed {
		t.Errorf("no file: %v", err)
	}
}

// The first attempt came through and its answer was lost: the second one
// finds its own work.
func TestPutFindsItsOwnWork(t *testing.T) {
	made := written(t)
	digest, err := hex.DecodeString(made.Digest)
	if err != nil {
		t.Fatal(err)
	}
	err = place().Put(t.Context(), client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			fails(412, "PreconditionFailed")(w, r)
			return
		}
		w.Header().Set("x-amz-server-side-encryption", "aws:kms")
		w.Header().Set("x-amz-checksum-sha256", base64.StdEncoding.EncodeToString(digest))
	}), made.Path)
	if err != nil {
		t.Error(err)
	}
}

// Row 12 and its kin: the answer breaks off in the middle, twice.
func TestRow12GetBeginsAgain(t *testing.T) {
	made := written(t)
	whole := read(t, made.Path)
	asked := 0
	to := filepath.Join(t.TempDir(), "b")
	err := place().Get(t.Context(), client(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
		if asked < 3 {
			_, _ = w.Write(whole[:len(whole)-asked*10])
			return // the server cuts the connection
		}
		_, _ = w.Write(whole)
	}), to)
	if err != nil || asked != 3 {
		t.Fatalf("asked %d times: %v", asked, err)
	}
	got, err := bundle.Open(to, t.TempDir())
	if err != nil || got.Digest != made.Digest {
		t.Errorf("%v", err)
	}
	if info, err := os.Stat(to); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestGetRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   fault.Code
		says   string
	}{
		"none":                    {fails(404, "NoSuchKey"), fault.Refused, "there is none"},
		"row 29: KMS key denied":  {fails(403, "AccessDenied"), fault.Refused, "may use neither it nor its KMS key"},
		"S3 is ill":               {fails(500, "InternalError"), fault.Failed, "InternalError"},
		"always broken":           {func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Length", "10") }, fault.Failed, "EOF"},
		"row 29: no key any more": {fails(400, "KMS.KMSInvalidStateException"), fault.Failed, "KMS.KMSInvalidStateException"},
	} {
		t.Run(name, func(t *testing.T) {
			to := filepath.Join(t.TempDir(), "b")
			err := place().Get(t.Context(), client(t, c.answer), to)
			if fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) || fault.HintOf(err) == "" {
				t.Errorf("code %d, hint %q: %v", fault.CodeOf(err), fault.HintOf(err), err)
			}
			if _, err := os.Stat(to); err == nil {
				t.Error("it left a file")
			}
		})
	}
	to := filepath.Join(t.TempDir(), "b")
	if err := os.WriteFile(to, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := place().Get(t.Context(), client(t, fails(500, "")), to); err == nil || string(read(t, to)) != "mine" {
		t.Errorf("over a file: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := place().Get(ctx, client(t, fails(500, "")), to+"2"); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("cancelled: %v", err)
	}
}
