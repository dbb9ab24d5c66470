package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/hashicorp/go-retryablehttp"

	"infra/internal/fault"
)

// How often a message is sent when the other side does not take it, and how
// long to wait in between. A message that was taken and whose answer was lost
// comes twice.
const (
	repetitions  = 2
	shortestWait = 500 * time.Millisecond
	longestWait  = 4 * time.Second
	answerLimit  = 8 * time.Second
)

// addressIn is the address in an environment variable.
func addressIn(key, variable string, getenv func(string) string) (*url.URL, error) {
	text := strings.TrimSpace(getenv(variable))
	if text == "" {
		return nil, unset(key, variable)
	}
	address, err := url.Parse(text)
	if err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http" {
		return nil, fault.New(fault.Usage, "notify."+key, fmt.Errorf("what the environment variable %s holds is no address of HTTP", variable), "export "+variable+"=https://...")
	}
	return address, nil
}

func slack(address *url.URL, variable string) Channel {
	return Channel{Name: "slack", address: "$" + variable, send: func(ctx context.Context, m Message) error {
		const most = 39_000 // Slack cuts at 40,000
		body, err := json.Marshal(map[string]string{"text": escaped(cut(m.Text, most))})
		if err != nil {
			return err
		}
		return post(ctx, address, body, nil)
	}}
}

// escaped hides from Slack what it would take for a mention or a link.
func escaped(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
}

func webhook(address *url.URL, variable, secret string) Channel {
	return Channel{Name: "webhook", address: "$" + variable, send: func(ctx context.Context, m Message) error {
		var body bytes.Buffer
		if err := json.NewEncoder(&body).Encode(m.Outcome); err != nil {
			return err
		}
		header := http.Header{}
		if secret != "" {
			sum := hmac.New(sha256.New, []byte(secret))
			_, _ = sum.Write(body.Bytes()) // a hash never fails to write
			header.Set("X-Infra-Signature", "sha256="+hex.EncodeToString(sum.Sum(nil)))
		}
		return post(ctx, address, body.Bytes(), header)
	}}
}

// post sends JSON, again where the other side is busy or cannot be reached. An
// address that sends on to another is none: the message would go where nobody
// has named.
func post(ctx context.Context, address *url.URL, body []byte, header http.Header) error {
	client := retryablehttp.NewClient()
	client.Logger, client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = nil, repetitions, shortestWait, longestWait
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	client.Backoff = patient
	client.HTTPClient.Timeout = answerLimit
	client.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	request, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, address.String(), body)
	if err != nil {
		return plain(err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "infra")
	answer, err := client.Do(request)
	if err != nil {
		return plain(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read
	if answer.StatusCode/100 == 2 {
		return nil
	}
	const most = 200
	said, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return plain(err)
	}
	return fmt.Errorf("it answered %s: %s", answer.Status, strings.TrimSpace(string(said)))
}

// patient is how long to wait before a repetition: what the other side asks for,
// as far as there is time.
func patient(least, most time.Duration, attempt int, answer *http.Response) time.Duration {
	return min(retryablehttp.DefaultBackoff(least, most, attempt, answer), most)
}

// plain leaves the address out of an error, which is a secret.
func plain(err error) error {
	var request *url.Error
	if errors.As(err, &request) {
		return request.Err
	}
	return err
}

func topic(arn string, cfg aws.Config) Channel {
	return Channel{Name: "sns", address: arn, send: func(ctx context.Context, m Message) error {
		client := sns.NewFromConfig(cfg, func(o *sns.Options) {
			if parts := strings.Split(arn, ":"); len(parts) > 3 {
				o.Region = parts[3]
			}
			o.RetryMaxAttempts = repetitions + 1
		})
		attribute := func(value string) types.MessageAttributeValue {
			return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
		}
		const most = 60_000 // of 256 KiB, at 4 bytes a character
		_, err := client.Publish(ctx, &sns.PublishInput{
			TopicArn: aws.String(arn), Subject: aws.String(subject(m.Outcome.Title())), Message: aws.String(cut(m.Text, most)),
			MessageAttributes: map[string]types.MessageAttributeValue{
				"kind": attribute(string(m.Outcome.Kind)), "environment": attribute(m.Outcome.Environment), "result": attribute(string(m.Outcome.Result)),
			},
		})
		return err
	}}
}

// subject is a text as SNS takes it for one: under 100 printable characters of
// ASCII.
func subject(text string) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, text)
	return text[:min(len(text), 99)]
}
