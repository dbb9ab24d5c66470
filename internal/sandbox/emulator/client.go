package emulator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"infra/internal/fault"
)

// Client talks to the endpoints that the emulator has besides the AWS API.
type Client struct {
	endpoint string
	http     *http.Client
}

// NewClient makes a client of the emulator at endpoint, for example
// http://127.0.0.1:4566. No proxy is ever used.
func NewClient(endpoint string) *Client {
	return &Client{
		endpoint: strings.TrimSuffix(endpoint, "/"),
		http: &http.Client{
			Timeout:   60 * time.Second,
			Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 4},
		},
	}
}

// Endpoint is the URL that the client speaks to, without a slash at its end.
func (c *Client) Endpoint() string { return c.endpoint }

// Health is what a running emulator says of itself.
type Health struct {
	Status  string `json:"status"`
	PID     int    `json:"pid"`
	Account string `json:"account"`
	Hosts   bool   `json:"hosts"`
	Moto    string `json:"moto"`
	Version uint64 `json:"version"`
}

// Health asks whether the emulator serves.
func (c *Client) Health(ctx context.Context) (Health, error) {
	var health Health
	err := c.call(ctx, http.MethodGet, "health", nil, &health)
	return health, err
}

// Snapshot reads the state. When since is the current version the answer has
// only Version and Unchanged; 0 always gives the whole.
func (c *Client) Snapshot(ctx context.Context, since uint64) (Snapshot, error) {
	var snapshot Snapshot
	err := c.call(ctx, http.MethodGet, "snapshot?since="+strconv.FormatUint(since, 10), nil, &snapshot)
	return snapshot, err
}

// ErrSuperseded says that the instance is no longer on the way to the state
// that was confirmed: a later API call sent it elsewhere. Read the snapshot
// again.
var ErrSuperseded = errors.New("the instance is on its way to another state")

// ConfirmState reports that the instance's host has reached Running, Stopped
// or Terminated. boot is the Instance.Boot that the host was seen at, so that
// a late report about an earlier life is refused with ErrSuperseded; 0 means
// any life. Stopped is also accepted from Pending and Running: the host
// switched itself off.
// Confirming the state it already has is no error.
func (c *Client) ConfirmState(ctx context.Context, instance string, boot int, state State) error {
	body := struct {
		State State `json:"state"`
		Boot  int   `json:"boot"`
	}{state, boot}
	return c.call(ctx, http.MethodPost, "instances/"+url.PathEscape(instance)+"/state", body, nil)
}

// ConfirmSnapshot reports that the bytes of a volume's snapshot are kept, and
// how much of them has been stored.
func (c *Client) ConfirmSnapshot(ctx context.Context, snapshot string, progress SnapshotProgress) error {
	return c.call(ctx, http.MethodPost, "snapshots/"+url.PathEscape(snapshot)+"/progress", progress, nil)
}

// ConfirmImage reports that what the host of a machine image's instance holds is
// kept.
func (c *Client) ConfirmImage(ctx context.Context, image string) error {
	return c.call(ctx, http.MethodPost, "images/"+url.PathEscape(image)+"/stored", struct{}{}, nil)
}

// PutConsole sets what GetConsoleOutput answers for the instance.
func (c *Client) PutConsole(ctx context.Context, instance string, text []byte) error {
	return c.call(ctx, http.MethodPut, "instances/"+url.PathEscape(instance)+"/console", text, nil)
}

// Credentials are what the metadata service hands to a host for its role.
type Credentials struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	Token           string    `json:"token"`
	Expiration      time.Time `json:"expiration"`
}

// InstanceCredentials makes credentials for the role of the instance's
// profile; the emulator's authorisation knows them. The error's code is
// fault.Failed when the instance has no role.
func (c *Client) InstanceCredentials(ctx context.Context, instance string) (Credentials, error) {
	var credentials Credentials
	err := c.call(ctx, http.MethodPost, "instances/"+url.PathEscape(instance)+"/credentials", struct{}{}, &credentials)
	return credentials, err
}

// Request is one line of the request log.
type Request struct {
	N       uint64    `json:"n"`
	Time    time.Time `json:"time"`
	Method  string    `json:"method"`
	Host    string    `json:"host"`
	Path    string    `json:"path"`
	Service string    `json:"service"`
	Action  string    `json:"action"`
	Account string    `json:"account"`
	Status  int       `json:"status"`
	// Mutating is false when the call cannot have changed anything.
	Mutating bool `json:"mutating"`
	// Fault is true when the answer was made by an injected fault.
	Fault bool `json:"fault"`
}

// RequestLog is the part of the log after some number. Dropped counts the
// requests that the bounded log has already forgotten.
type RequestLog struct {
	Last     uint64    `json:"last"`
	Dropped  uint64    `json:"dropped"`
	Requests []Request `json:"requests"`
}

// Requests reads the log of AWS API requests numbered higher than since.
func (c *Client) Requests(ctx context.Context, since uint64) (RequestLog, error) {
	var log RequestLog
	err := c.call(ctx, http.MethodGet, "requests?since="+strconv.FormatUint(since, 10), nil, &log)
	return log, err
}

// Fault makes matching requests slow, failing, or both. Empty matchers match
// everything.
type Fault struct {
	Service string `json:"service,omitempty"` // "s3", "ec2", ...
	Action  string `json:"action,omitempty"`  // "PutObject", "StopInstances", ...
	Method  string `json:"method,omitempty"`  // "PUT", ...
	Path    string `json:"path,omitempty"`    // part of the path
	// Status is the answer's HTTP status; 0 answers as usual after the delay,
	// -1 closes the connection without an answer.
	Status int `json:"status,omitempty"`
	// ErrorCode is the AWS error code in the answer's body; by default one
	// that suits Status.
	ErrorCode string `json:"error_code,omitempty"`
	DelayMS   int    `json:"delay_ms,omitempty"`
	// Count is how many requests are hit; 0 is without end.
	Count int `json:"count,omitempty"`
}

// AddFaults injects faults, behind those that are there already.
func (c *Client) AddFaults(ctx context.Context, faults ...Fault) error {
	return c.call(ctx, http.MethodPost, "faults", faults, nil)
}

// Faults are those that are still to hit something: one with a Count is gone as
// soon as the last request has met it, also while that request waits.
func (c *Client) Faults(ctx context.Context) ([]Fault, error) {
	var faults []Fault
	err := c.call(ctx, http.MethodGet, "faults", nil, &faults)
	return faults, err
}

// ClearFaults ends all injected faults.
func (c *Client) ClearFaults(ctx context.Context) error {
	return c.call(ctx, http.MethodDelete, "faults", nil, nil)
}

// LoseRegion forgets everything in a region, in all accounts, as if it had
// ended: its hosts end with it. What belongs to no region, IAM above all, stays.
func (c *Client) LoseRegion(ctx context.Context, region string) error {
	return c.call(ctx, http.MethodPost, "regions/"+url.PathEscape(region)+"/lost", struct{}{}, nil)
}

// Reset forgets everything that was made: all accounts, all services.
func (c *Client) Reset(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, "reset", struct{}{}, nil)
}

// call sends one request; body may be nil, raw bytes or something to encode
// as JSON, and so may be answer.
func (c *Client) call(ctx context.Context, method, path string, body, answer any) (err error) {
	op := "ask the AWS emulator at " + c.endpoint
	reader, kind, err := encode(body)
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint+"/_sandbox/"+path, reader)
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	response, err := c.http.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", op, ctx.Err())
		}
		return fault.New(fault.Failed, op, err, "infra sandbox up")
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	switch {
	case response.StatusCode == http.StatusConflict:
		return ErrSuperseded
	case response.StatusCode >= http.StatusMultipleChoices:
		text, readErr := io.ReadAll(io.LimitReader(response.Body, 4096))
		return fault.New(fault.Failed, op, errors.Join(
			fmt.Errorf("%s %s: %s: %s", method, path, response.Status, strings.TrimSpace(string(text))), readErr), "")
	case answer == nil:
		_, err := io.Copy(io.Discard, response.Body)
		return err
	}
	if err := json.NewDecoder(response.Body).Decode(answer); err != nil {
		return fault.New(fault.Failed, op, fmt.Errorf("decode the answer to %s: %w", path, err), "")
	}
	return nil
}

func encode(body any) (io.Reader, string, error) {
	switch value := body.(type) {
	case nil:
		return http.NoBody, "", nil
	case []byte:
		return bytes.NewReader(value), "text/plain; charset=utf-8", nil
	default:
		data, err := json.Marshal(value)
		if err != nil {
			return nil, "", err
		}
		return bytes.NewReader(data), "application/json", nil
	}
}
