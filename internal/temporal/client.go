package temporal

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	"go.temporal.io/sdk/converter"

	"infra/internal/fault"
	"infra/internal/fleet"
)

// Server is where Temporal is. What is empty is taken from the environment
// variables of Temporal's own tools (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE);
// keys and certificates come from there alone (TEMPORAL_API_KEY,
// TEMPORAL_TLS_CLIENT_CERT_PATH and the like).
type Server struct {
	Address   string
	Namespace string
	Queue     string
	Say       func(format string, args ...any) // what the SDK has to say
}

// Client knows one server.
type Client struct {
	api     client.Client
	address string
	queue   string
}

// answerLimit bounds one question.
const answerLimit = 15 * time.Second

// Connect finds the server.
func Connect(ctx context.Context, s Server) (*Client, error) {
	options, err := envconfig.LoadClientOptions(envconfig.LoadClientOptionsRequest{DisableFile: true})
	if err != nil {
		return nil, fault.New(fault.Usage, "read the settings of Temporal", err, "env | grep ^TEMPORAL_ | cut -d= -f1, and mend the one that is named")
	}
	if s.Address != "" {
		options.HostPort = s.Address
	}
	if s.Namespace != "" {
		options.Namespace = s.Namespace
	}
	if options.HostPort == "" {
		return nil, fault.New(fault.Usage, "find Temporal", errors.New("nothing says where it is"), "--address HOST:PORT, or export TEMPORAL_ADDRESS")
	}
	options.Logger = logger{s.Say}
	c := &Client{address: options.HostPort, queue: s.Queue}
	limited, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	if c.api, err = client.DialContext(limited, options); err != nil {
		return nil, c.explain("connect", err)
	}
	return c, nil
}

// Close ends the connection.
func (c *Client) Close() { c.api.Close() }

func workflowID(rollout string) string { return workflowName + "-" + rollout }

// Start begins a roll-out, or takes one up that has ended.
func (c *Client) Start(ctx context.Context, r *fleet.Rollout) error {
	_, err := c.api.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: workflowID(r.ID), TaskQueue: c.queue,
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
	}, workflowName, *r)
	if err != nil {
		return c.explain("start roll-out "+r.ID, err)
	}
	return nil
}

// Pause asks a roll-out to begin nothing more, or to go on.
func (c *Client) Pause(ctx context.Context, id string, paused bool) error {
	if err := c.api.SignalWorkflow(ctx, workflowID(id), "", pauseSignal, paused); err != nil {
		return c.explain("pause roll-out "+id, err)
	}
	return nil
}

// Status is a roll-out as it stands, and what its running environments are at.
func (c *Client) Status(ctx context.Context, id string) (*fleet.Rollout, map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	op := "look at roll-out " + id
	known, err := c.api.DescribeWorkflowExecution(ctx, workflowID(id), "")
	if err != nil {
		return nil, nil, c.explain(op, err)
	}
	r := &fleet.Rollout{}
	info := known.GetWorkflowExecutionInfo()
	if info.GetStatus() == enums.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		err = c.api.GetWorkflow(ctx, workflowID(id), "").Get(ctx, r)
	} else {
		var answer converter.EncodedValue
		if answer, err = c.api.QueryWorkflow(ctx, workflowID(id), "", statusQuery); err == nil {
			err = answer.Get(r)
		}
	}
	if err != nil {
		return nil, nil, c.explain(op, err)
	}
	if how := cut(info.GetStatus()); how != "" {
		r.Ended, r.Cut = info.GetCloseTime().AsTime(), "in Temporal it "+how
	}
	return r, doing(known), nil
}

// cut is the end of a workflow that is not that of its roll-out, which can be
// asked how far it was, and be taken up again; empty for any other status.
func cut(status enums.WorkflowExecutionStatus) string {
	switch status { //nolint:exhaustive // the others are no such ends
	case enums.WORKFLOW_EXECUTION_STATUS_FAILED:
		return "failed"
	case enums.WORKFLOW_EXECUTION_STATUS_CANCELED:
		return "was cancelled"
	case enums.WORKFLOW_EXECUTION_STATUS_TERMINATED:
		return "was terminated"
	case enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		return "ran out of time"
	default:
		return ""
	}
}

// doing is what the workers say that they are at, or why a turn was refused.
func doing(known *workflowservice.DescribeWorkflowExecutionResponse) map[string]string {
	texts := map[string]string{}
	for _, turn := range known.GetPendingActivities() {
		text := ""
		switch {
		case turn.GetState() != enums.PENDING_ACTIVITY_STATE_STARTED && turn.GetLastFailure() != nil:
			text = "waits for another worker: " + turn.GetLastFailure().GetMessage()
		case turn.GetState() == enums.PENDING_ACTIVITY_STATE_SCHEDULED:
			text = "waits for a worker"
		default:
			// What cannot be read is not worth a failure.
			_ = converter.GetDefaultDataConverter().FromPayloads(turn.GetHeartbeatDetails(), &text)
		}
		texts[turn.GetActivityId()] = text
	}
	return texts
}

// explain turns what Temporal says into an error for people.
func (c *Client) explain(op string, err error) error {
	var missing *serviceerror.NotFound
	var running *serviceerror.WorkflowExecutionAlreadyStarted
	var unasked *serviceerror.QueryFailed
	switch {
	case errors.As(err, &missing):
		return fault.New(fault.Usage, op, fmt.Errorf("Temporal at %s knows no such roll-out, or it has ended", c.address), "infra fleet status ID --on temporal --address "+c.address) //nolint:staticcheck // a name
	case errors.As(err, &running):
		return fault.New(fault.Locked, op, errors.New("it goes on already"), "infra fleet status ID --on temporal --address "+c.address)
	case errors.As(err, &unasked), errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return fault.New(fault.Failed, op, fmt.Errorf("neither Temporal at %s nor a worker of it answers: %w", c.address, err), "infra worker --address "+c.address+", on at least one machine")
	default:
		return fault.New(fault.Failed, op, fmt.Errorf("Temporal at %s: %w", c.address, err), "temporal operator cluster health --address "+c.address) //nolint:staticcheck // a name
	}
}

func isTimeout(err error) bool {
	var late *serviceerror.DeadlineExceeded
	return errors.As(err, &late)
}

// logger lets the SDK speak with infra's voice.
type logger struct {
	say func(format string, args ...any)
}

func (l logger) Debug(string, ...any) {} // far too much

func (l logger) Info(text string, about ...any)  { l.say("temporal: %s %v", text, about) }
func (l logger) Warn(text string, about ...any)  { l.say("temporal: %s %v", text, about) }
func (l logger) Error(text string, about ...any) { l.say("temporal: %s %v", text, about) }
