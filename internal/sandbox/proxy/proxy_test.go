package proxy_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"infra/internal/sandbox/proxy"
)

// patience is longer than any wait that a test means to see end.
const patience = time.Minute

// server is a stand-in for AWS: it counts what reaches it and answers with
// what it was sent.
type server struct {
	*proxy.Proxy
	reached atomic.Int64
}

func start(t *testing.T) *server {
	t.Helper()
	s := &server{}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.reached.Add(1)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		w.Header().Set("X-Seen-Host", r.Host)
		w.Header().Set("X-Seen-Uri", r.RequestURI)
		w.Header().Set("X-Seen-Authorization", r.Header.Get("Authorization"))
		w.Header().Set("Date", "Thu, 01 Jan 2026 00:00:00 GMT")
		if _, err := w.Write(body); err != nil {
			return
		}
	}))
	t.Cleanup(backend.Close)
	var err error
	if s.Proxy, err = proxy.Start(backend.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// answer is what a caller got; of a body that was cut off, what came.
type answer struct {
	status int
	header http.Header
	body   string
}

// call sends a signed request and reads the answer's body whole.
func (s *server) call(t *testing.T, method, path, service, body string, header ...string) (answer, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/x/20260101/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	// A connection of its own each: one test's reset is not another's.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	response, err := client.Do(request)
	if err != nil {
		return answer{}, err
	}
	text, err := io.ReadAll(response.Body)
	if closing := response.Body.Close(); closing != nil {
		t.Error(closing)
	}
	return answer{response.StatusCode, response.Header, string(text)}, err
}

func TestEverythingElsePassesUnchanged(t *testing.T) {
	t.Parallel()
	s := start(t)
	const path = "/bucket/a%2Fb%20c?versionId=x%3D&list-type=2;y&prefix=%zz"
	got, err := s.call(t, http.MethodPut, path, "s3", "hello")
	if err != nil {
		t.Fatal(err)
	}
	if got.body != "hello" || got.status != http.StatusOK {
		t.Errorf("%d %q", got.status, got.body)
	}
	for header, want := range map[string]string{
		"X-Seen-Host": strings.TrimPrefix(s.URL(), "http://"),
		"X-Seen-Uri":  path,
		"Date":        "Thu, 01 Jan 2026 00:00:00 GMT", // the server's clock, not the proxy's
	} {
		if value := got.header.Get(header); value != want {
			t.Errorf("%s: %q, want %q", header, value, want)
		}
	}
	if !strings.Contains(got.header.Get("X-Seen-Authorization"), "Signature=0") {
		t.Error("the signature is gone")
	}
}

func TestRequestsAreNoted(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Rules(proxy.Rule{Service: "kms", Do: proxy.Answer(400, "KMS.DisabledException")})
	for _, c := range []struct {
		method, path, service, body string
		header                      []string
		want                        string
	}{
		{"GET", "/b/key?versioning=", "s3", "", nil, "GET /b/key?versioning="},
		{"POST", "/", "sts", "Action=GetCallerIdentity&Version=2011-06-15", []string{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}, "POST / sts:GetCallerIdentity"},
		{"POST", "/", "kms", "{}", []string{"X-Amz-Target", "TrentService.DescribeKey", "Content-Type", "application/x-amz-json-1.1"}, "POST / kms:DescribeKey -> 400 KMS.DisabledException"},
	} {
		answered, err := s.call(t, c.method, c.path, c.service, c.body, c.header...)
		if err != nil {
			t.Fatal(err)
		}
		if c.service == "sts" && answered.body != c.body {
			t.Errorf("the form arrived as %q", answered.body)
		}
		requests := s.Requests()
		if got := requests[len(requests)-1]; got.String() != c.want || got.Service != c.service || got.Time.IsZero() {
			t.Errorf("%+v is %q, want %q", got, got, c.want)
		}
	}
}

func TestRulesSelect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rules []proxy.Rule
		want  []int // of: GET /a, GET /b, PUT /a, GET /a
	}{
		"none":          {nil, []int{200, 200, 200, 200}},
		"all":           {[]proxy.Rule{{Do: proxy.Answer(500, "X")}}, []int{500, 500, 500, 500}},
		"method":        {[]proxy.Rule{{Method: "PUT", Do: proxy.Answer(500, "X")}}, []int{200, 200, 500, 200}},
		"path":          {[]proxy.Rule{{Path: regexp.MustCompile(`^/a$`), Do: proxy.Answer(500, "X")}}, []int{500, 200, 500, 500}},
		"service":       {[]proxy.Rule{{Service: "ec2", Do: proxy.Answer(500, "X")}}, []int{200, 200, 200, 200}},
		"after":         {[]proxy.Rule{{After: 2, Do: proxy.Answer(500, "X")}}, []int{200, 200, 500, 500}},
		"count":         {[]proxy.Rule{{Count: 1, Do: proxy.Answer(500, "X")}}, []int{500, 200, 200, 200}},
		"after, count":  {[]proxy.Rule{{After: 1, Count: 2, Do: proxy.Answer(500, "X")}}, []int{200, 500, 500, 200}},
		"first counts":  {[]proxy.Rule{{Method: "PUT", Do: proxy.Answer(503, "X")}, {Do: proxy.Answer(500, "X")}}, []int{500, 500, 503, 500}},
		"delay and one": {[]proxy.Rule{{Do: proxy.Delay(time.Millisecond)}, {Method: "PUT", Do: proxy.Answer(503, "X")}}, []int{200, 200, 503, 200}},
		"exempt":        {[]proxy.Rule{{Method: "PUT"}, {Do: proxy.Answer(500, "X")}}, []int{500, 500, 200, 500}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Rules(c.rules...)
			for i, line := range []string{"GET /a", "GET /b", "PUT /a", "GET /a"} {
				method, path, _ := strings.Cut(line, " ")
				got, err := s.call(t, method, path, "s3", "")
				if err != nil {
					t.Fatal(err)
				}
				if got.status != c.want[i] {
					t.Errorf("%d. %s: %d, want %d", i+1, line, got.status, c.want[i])
				}
			}
		})
	}
}

func TestConnectionsThatFail(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault   proxy.Fault
		reached int64 // requests that the server saw
		want    error
		body    string // what came before the end
	}{
		"reset":    {proxy.Reset(), 0, syscall.ECONNRESET, ""},
		"lose":     {proxy.Lose(), 1, syscall.ECONNRESET, ""},
		"stall":    {proxy.Stall(50 * time.Millisecond), 0, syscall.ECONNRESET, ""},
		"cut":      {proxy.Cut(4), 1, io.ErrUnexpectedEOF, "abcd"},
		"cut at 0": {proxy.Cut(0), 1, io.EOF, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Rules(proxy.Rule{Do: c.fault})
			got, err := s.call(t, http.MethodPut, "/bucket/key", "s3", "abcdefghij")
			if !errors.Is(err, c.want) || got.body != c.body || s.reached.Load() != c.reached {
				t.Errorf("%v, body %q, %d requests arrived", err, got.body, s.reached.Load())
			}
		})
	}
}

func TestSlowness(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault proxy.Fault
		least time.Duration
	}{
		"delay": {proxy.Delay(200 * time.Millisecond), 200 * time.Millisecond},
		"pace":  {proxy.Pace(200 * time.Millisecond), 200 * time.Millisecond},
		"drip":  {proxy.Drip(50), 180 * time.Millisecond}, // ten bytes
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.Rules(proxy.Rule{Do: c.fault})
			started := time.Now()
			got, err := s.call(t, http.MethodPut, "/bucket/key", "s3", "abcdefghij")
			if took := time.Since(started); err != nil || got.body != "abcdefghij" || took < c.least {
				t.Errorf("%v, body %q, after %s", err, got.body, took)
			}
		})
	}
}

// A stall without an end ends with the proxy, or with the caller.
func TestStallEnds(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Rules(proxy.Rule{Do: proxy.Stall(0)})
	failed := make(chan error, 1)
	go func() {
		_, err := s.call(t, http.MethodPut, "/bucket/key", "s3", "x")
		failed <- err
	}()
	for len(s.Requests()) == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-failed:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-failed:
		if err == nil {
			t.Error("a stalled request succeeded")
		}
	case <-time.After(patience):
		t.Error("it waits although the proxy is closed")
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	for _, target := range []string{"", "127.0.0.1:80", "http://", "\x00"} {
		if p, err := proxy.Start(target); err == nil {
			t.Errorf("%q was accepted", target)
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
