package notify_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"infra/internal/environment"
	"infra/internal/notify"
	"infra/internal/outcome"
)

// posted is what a server was sent.
type posted struct {
	mu     sync.Mutex
	bodies []string
	header http.Header
	answer []int // status codes, one after the other; the last stays
}

func listen(t *testing.T, answer ...int) (*posted, string) {
	t.Helper()
	p := &posted{answer: answer}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.bodies, p.header = append(p.bodies, string(body)), r.Header
		code := p.answer[min(len(p.bodies), len(p.answer))-1]
		if code == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "no_such_channel")
	}))
	t.Cleanup(server.Close)
	return p, server.URL + "/services/T0/B0/hunter2"
}

func message(t *testing.T, n environment.Notify) notify.Message {
	t.Helper()
	m := notify.Message{Outcome: notify.Sample(outcome.Run, "prod", "sam", time.Now())}
	var err error
	if m.Text, err = notify.Text(n, m.Outcome); err != nil {
		t.Fatal(err)
	}
	return m
}

func getenv(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestSlackAndWebhook(t *testing.T) {
	t.Parallel()
	slack, slackAddress := listen(t, 503, 200) // busy at first
	webhook, webhookAddress := listen(t, 204)
	n := environment.Notify{Slack: "S", Webhook: "W", WebhookSecret: "K", Template: "<!channel> {{.Title}}{{\"\\n\"}}by {{.Who}}"}
	channels, err := notify.Channels(n, getenv(map[string]string{"S": slackAddress, "W": webhookAddress, "K": "key"}), aws.Config{})
	if err != nil || len(channels) != 2 {
		t.Fatalf("%v, %v", channels, err)
	}
	m := message(t, n)
	if err := notify.Send(t.Context(), channels, m); err != nil {
		t.Fatal(err)
	}
	var said map[string]string
	if len(slack.bodies) != 2 || json.Unmarshal([]byte(slack.bodies[1]), &said) != nil || said["text"] != "&lt;!channel&gt; apply of prod: hosts failed\nby sam" {
		t.Errorf("Slack got %q", slack.bodies)
	}
	var got outcome.Outcome
	if len(webhook.bodies) != 1 || json.Unmarshal([]byte(webhook.bodies[0]), &got) != nil || got.Schema != outcome.Schema || got.Environment != "prod" || got.Exit != 5 {
		t.Fatalf("the webhook got %q", webhook.bodies)
	}
	sum := hmac.New(sha256.New, []byte("key"))
	_, _ = sum.Write([]byte(webhook.bodies[0]))
	if want := "sha256=" + hex.EncodeToString(sum.Sum(nil)); webhook.header.Get("X-Infra-Signature") != want {
		t.Errorf("signature %q, want %q", webhook.header.Get("X-Infra-Signature"), want)
	}
}

// What fails is told with its reason and without its address, a definite no is
// not asked again, and a channel that fails keeps no other from being told.
func TestFailures(t *testing.T) {
	t.Parallel()
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := silent.Addr().String()
	_ = silent.Close()
	for name, c := range map[string]struct {
		answers []int
		address string
		tried   int
		want    string
	}{
		"refused": {answers: []int{404}, tried: 1, want: "404 Not Found: no_such_channel"},
		"broken":  {answers: []int{500}, tried: 3, want: "500 Internal Server Error"},
		"sent on": {answers: []int{302}, tried: 1, want: "302 Found"},
		"nobody":  {answers: []int{200}, address: "http://" + address + "/hunter2", want: "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			slack, slackAddress := listen(t, c.answers...)
			webhook, webhookAddress := listen(t, 200)
			if c.address != "" {
				slackAddress = c.address
			}
			n := environment.Notify{Slack: "S", Webhook: "W"}
			channels, err := notify.Channels(n, getenv(map[string]string{"S": slackAddress, "W": webhookAddress}), aws.Config{})
			if err != nil {
				t.Fatal(err)
			}
			started := time.Now()
			err = notify.Send(t.Context(), channels, message(t, n))
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "notify slack ($S)") {
				t.Errorf("error: %v", err)
			}
			if len(slack.bodies) != c.tried || len(webhook.bodies) != 1 || time.Since(started) > time.Minute {
				t.Errorf("tried %d times, the other was told %d times, %s", len(slack.bodies), len(webhook.bodies), time.Since(started))
			}
		})
	}
}

func TestChannelsWithoutAddress(t *testing.T) {
	t.Parallel()
	_, good := listen(t, 200)
	channels, err := notify.Channels(environment.Notify{Slack: "S", Webhook: "W", WebhookSecret: "K"}, getenv(map[string]string{"S": good, "W": "ftp://hunter2"}), aws.Config{})
	if len(channels) != 1 || channels[0].Name != "slack" {
		t.Errorf("channels: %v", channels)
	}
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "W holds is no address") || !strings.Contains(err.Error(), "K is not set") {
		t.Errorf("error: %v", err)
	}
}

func TestWanted(t *testing.T) {
	t.Parallel()
	n := environment.Notify{Run: "failed", Drill: "always", Drift: "never"}
	for _, c := range []struct {
		kind   outcome.Kind
		result outcome.Result
		want   bool
	}{
		{outcome.Run, outcome.Done, false},
		{outcome.Run, outcome.Failed, true},
		{outcome.Run, outcome.Refused, true},
		{outcome.Run, outcome.Interrupted, true},
		{outcome.Drill, outcome.Done, true},
		{outcome.Drift, outcome.Drifted, false},
	} {
		if got := notify.Wanted(n, outcome.Outcome{Kind: c.kind, Result: c.result}); got != c.want {
			t.Errorf("%s %s: %v", c.kind, c.result, got)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	text := message(t, environment.Notify{}).Text
	for _, want := range []string{"apply of prod: hosts failed\n", "after 7m0s, 3 resources applied, hosts: postgresql-2 unreachable, by sam", "next: infra status prod"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in:\n%s", want, text)
		}
	}
	if _, err := notify.Text(environment.Notify{Template: "{{.Nonsense}}"}, outcome.Outcome{}); err == nil {
		t.Error("a template with an unknown field was taken")
	}
}
