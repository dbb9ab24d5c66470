// Package notify tells people and programs what a run, a drill or a look for
// drift came to: Slack, a webhook, an SNS topic. Addresses and keys come from
// the environment of the process, and appear in no message.
package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/outcome"
)

// limit bounds all of it, repetitions included: nobody waits longer for a
// message than for the run's own end.
const limit = 20 * time.Second

// Channel is one way by which outcomes are told.
type Channel struct {
	Name string // "slack", "webhook", "sns"

	address string // as it may be shown
	send    func(ctx context.Context, m Message) error
}

// String is the channel for people, without a secret.
func (c Channel) String() string { return c.Name + " (" + c.address + ")" }

// Message is an outcome and its text.
type Message struct {
	Outcome outcome.Outcome
	Text    string
}

// Wanted tells whether the environment wants to be told of the outcome.
func Wanted(n environment.Notify, o outcome.Outcome) bool {
	when := map[outcome.Kind]string{outcome.Run: n.Run, outcome.Drill: n.Drill, outcome.Drift: n.Drift}[o.Kind]
	return when == "always" || when == "failed" && !o.OK()
}

// Configured tells whether the environment has anybody to tell.
func Configured(n environment.Notify) bool { return n.Slack != "" || n.Webhook != "" || n.SNS != "" }

// Variables are the environment variables that the settings name, sorted.
func Variables(n environment.Notify) []string {
	names := []string{n.Slack, n.Webhook, n.WebhookSecret}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" })
}

// Channels are those that the settings name. One whose variable is not set, or
// holds no address, is an error, and the others are there all the same.
func Channels(n environment.Notify, getenv func(string) string, cfg aws.Config) ([]Channel, error) {
	var channels []Channel
	var problems []error
	if n.Slack != "" {
		address, err := addressIn("slack", n.Slack, getenv)
		if err == nil {
			channels = append(channels, slack(address, n.Slack))
		}
		problems = append(problems, err)
	}
	if n.Webhook != "" {
		address, err := addressIn("webhook", n.Webhook, getenv)
		secret := getenv(n.WebhookSecret)
		if n.WebhookSecret != "" && secret == "" {
			err = errors.Join(err, unset("webhook_secret", n.WebhookSecret))
		}
		if err == nil {
			channels = append(channels, webhook(address, n.Webhook, secret))
		}
		problems = append(problems, err)
	}
	if n.SNS != "" {
		channels = append(channels, topic(n.SNS, cfg))
	}
	return channels, errors.Join(problems...)
}

func unset(key, variable string) error {
	return fault.New(fault.Usage, "notify."+key, fmt.Errorf("the environment variable %s is not set", variable), "export "+variable+"=...")
}

// Send tells all channels, side by side, and gives what went wrong with each.
func Send(ctx context.Context, channels []Channel, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	problems := make([]error, len(channels))
	var group sync.WaitGroup
	for i, c := range channels {
		group.Go(func() {
			if err := c.send(ctx, m); err != nil {
				problems[i] = fault.New(fault.Failed, "notify "+c.String(), err, "")
			}
		})
	}
	group.Wait()
	return errors.Join(problems...)
}

// errorLimit is how many characters of an error a message has.
const errorLimit = 1000

// Text is the outcome for people: the settings' template filled in, or a text
// of infra's own.
func Text(n environment.Notify, o outcome.Outcome) (string, error) {
	if n.Template != "" {
		return fill(n.Template, o)
	}
	var b strings.Builder
	b.WriteString(o.Title())
	fmt.Fprintf(&b, "\nafter %s", o.Took().Round(time.Second))
	if n := o.Changes(); n > 0 {
		fmt.Fprintf(&b, ", %d resources applied", n)
	}
	if len(o.Hosts) > 0 {
		fmt.Fprintf(&b, ", hosts: %s", hosts(o.Hosts))
	}
	if o.Who != "" {
		b.WriteString(", by " + o.Who)
	}
	if len(o.Commit) > 12 {
		b.WriteString(", commit " + o.Commit[:12])
	}
	if o.Run != "" {
		b.WriteString("\nrun " + o.Run)
	}
	if o.Error != "" {
		b.WriteString("\n" + cut(o.Error, errorLimit))
	}
	if o.Next != "" {
		b.WriteString("\nnext: " + o.Next)
	}
	return b.String(), nil
}

// hosts are counted where all went well with them; otherwise those are named
// with which it did not.
func hosts(all []outcome.Host) string {
	var bad []string
	for _, h := range all {
		switch h.Result {
		case "failed", "unreachable", "unknown", "not reached":
			bad = append(bad, h.Name+" "+h.Result)
		}
	}
	if len(bad) == 0 {
		return fmt.Sprint(len(all))
	}
	return strings.Join(bad, ", ")
}

// cut shortens a text at the border of a character.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}
