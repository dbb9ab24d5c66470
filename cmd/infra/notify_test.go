package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	ended "infra/internal/outcome"
)

// subscribed makes a topic and a queue that gets what is published to it.
func (c *cloud) subscribed(t *testing.T) (topic, queue string) {
	t.Helper()
	topics, queues := sns.NewFromConfig(c.config(t)), sqs.NewFromConfig(c.config(t))
	made, err := topics.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("told")})
	if err != nil {
		t.Fatal(err)
	}
	q, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("told")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := topics.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: made.TopicArn, Protocol: aws.String("sqs"), Endpoint: aws.String("arn:aws:sqs:eu-west-1:" + cloudAccount + ":told"),
	}); err != nil {
		t.Fatal(err)
	}
	return aws.ToString(made.TopicArn), aws.ToString(q.QueueUrl)
}

// published are the subjects and messages of a queue, which are taken from it.
func (c *cloud) published(t *testing.T, queue string) []string {
	t.Helper()
	out, err := sqs.NewFromConfig(c.config(t)).ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String(queue), MaxNumberOfMessages: 10, WaitTimeSeconds: 1})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range out.Messages {
		var envelope struct{ Subject, Message string }
		if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &envelope); err != nil {
			t.Fatal(err)
		}
		all = append(all, envelope.Subject+": "+envelope.Message)
		if _, err := sqs.NewFromConfig(c.config(t)).DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String(queue), ReceiptHandle: m.ReceiptHandle}); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// hook is a server on this machine that keeps the outcomes it is told.
type hook struct {
	mu   sync.Mutex
	told []ended.Outcome
}

func newHook(t *testing.T) (*hook, string) {
	t.Helper()
	h := &hook{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var o ended.Outcome
		if err != nil || json.Unmarshal(body, &o) != nil {
			t.Errorf("the hook got %q, %v", body, err)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.told = append(h.told, o)
	}))
	t.Cleanup(server.Close)
	return h, server.URL
}

// take gives what was told so far, and forgets it.
func (h *hook) take() []ended.Outcome {
	h.mu.Lock()
	defer h.mu.Unlock()
	told := h.told
	h.told = nil
	return told
}

// What becomes of runs and of looks for drift is told to the topic and the
// webhook, as the environment's file wants it, and whoever cannot be told
// changes neither result nor exit code.
func TestNotify(t *testing.T) {
	c := newCloud(t)
	topic, queue := c.subscribed(t)
	told, address := newHook(t)
	t.Setenv("INFRA_HOOK", address)
	c.tiny(t, "resource \"terraform_data\" \"one\" {\n  input = 1\n}\n")
	file := "extends: sandbox\nendpoint: %s\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.78.0.0/16\nnotify:\n  webhook: INFRA_HOOK\n  sns: %s\n  run: %s\n  template: \"{{.Verb}} {{.Changes}}\"\n"
	c.write(t, "environments/cloud.yaml", fmt.Sprintf(file, c.endpoint, topic, "always"))

	c.run(t, 0, "notify", "cloud")
	if got := told.take(); len(got) != 1 || got[0].Run != "sample" {
		t.Errorf("of the sample the hook was told %+v", got)
	}
	if got := c.published(t, queue); len(got) != 1 || got[0] != "apply of cloud: hosts failed: apply 3" {
		t.Errorf("of the sample the topic was told %q", got)
	}
	c.run(t, 0, applyTiny()...)
	got := told.take()
	if len(got) != 1 || got[0].Result != ended.Done || got[0].Verb != "apply" || got[0].Run == "" || got[0].Changes() != 1 || len(got[0].Phases) == 0 {
		t.Errorf("of a run the hook was told %+v", got)
	}
	if got := c.published(t, queue); len(got) != 1 || got[0] != "apply of cloud: done: apply 1" {
		t.Errorf("of a run the topic was told %q", got)
	}

	// failed: of a run that does well nobody is told, of one that is refused and
	// of drift everybody.
	c.write(t, "environments/cloud.yaml", fmt.Sprintf(file, c.endpoint, topic, "failed"))
	c.run(t, 0, applyTiny()...)
	if got := told.take(); len(got) > 0 {
		t.Errorf("of a run that did well the hook was told %+v", got)
	}
	c.run(t, 64, append(applyTiny(), "--allow-destroy", "nothing.here")...)
	if got := told.take(); len(got) != 1 || got[0].Result != ended.Refused || !strings.Contains(got[0].Error, "nothing.here") || got[0].Next == "" {
		t.Errorf("of a run that was refused the hook was told %+v", got)
	}
	c.tiny(t, "resource \"terraform_data\" \"one\" {\n  input = 2\n}\n")
	c.run(t, 2, "drift", "cloud", "--skip-hosts")
	if got := told.take(); len(got) != 1 || got[0].Kind != ended.Drift || got[0].Result != ended.Drifted || got[0].Findings == 0 || got[0].Error != "" {
		t.Errorf("of drift the hook was told %+v", got)
	}

	// Nobody there: a warning, without the address, and the run's own exit code.
	t.Setenv("INFRA_HOOK", "http://127.0.0.1:1/hunter2")
	_, stderr := c.run(t, 64, append(applyTiny(), "--allow-destroy", "nothing.here")...)
	if strings.Count(stderr, "not everybody was told: notify webhook ($INFRA_HOOK)") != 1 || strings.Contains(stderr, "hunter2") {
		t.Errorf("what was said:\n%s", stderr)
	}
	if got := c.published(t, queue); len(got) == 0 {
		t.Error("where one cannot be told the other was not either")
	}
}

// tellAsPlanRole has a topic told by the plan role, which may do so once the
// settings name the topic and were applied.
func tellAsPlanRole(t *testing.T, c *cloud) {
	topic, queue := c.subscribed(t)
	as := func(role string) {
		c.assume(t, role, "")
		c.write(t, "environments/cloud.yaml", c.settings(t)+"notify:\n  sns: "+topic+"\n")
	}
	as("plan")
	if _, stderr := c.run(t, 1, "notify", "cloud"); !strings.Contains(stderr, "sns:Publish") {
		t.Errorf("what the role lacks is not named:\n%s", stderr)
	}
	as("")
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
	as("plan")
	c.published(t, queue) // of the apply
	c.run(t, 0, "notify", "cloud")
	if told := c.published(t, queue); len(told) != 1 {
		t.Errorf("the topic was told %q", told)
	}
	// A role of the environment may not change the roles, so this is not left to the one that applies.
	c.assume(t, "", "")
	c.run(t, 0, "apply", "cloud", "--product", "baseline", "--auto-approve")
}
