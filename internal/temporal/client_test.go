package temporal

import (
	"context"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/protobuf/types/known/timestamppb"

	"infra/internal/fault"
	"infra/internal/fleet"
)

var closedAt = time.Date(2026, 11, 28, 12, 30, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant, were there such times

// oneWorkflow is a server that knows one workflow, in the middle of its
// roll-out, as its worker tells when it is asked.
type oneWorkflow struct {
	client.Client
	status enums.WorkflowExecutionStatus
	said   *common.Payloads
}

func (o oneWorkflow) DescribeWorkflowExecution(context.Context, string, string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	info := &workflow.WorkflowExecutionInfo{Status: o.status}
	if o.status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		info.CloseTime = timestamppb.New(closedAt)
	}
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: info}, nil
}

func (o oneWorkflow) QueryWorkflow(context.Context, string, string, string, ...any) (converter.EncodedValue, error) {
	return client.NewValue(o.said), nil
}

// Whoever ends a workflow by Temporal's own means ends the roll-out: it is not
// followed for ever, says how it ended, and can be taken up again.
func TestAClosedWorkflowHasEnded(t *testing.T) {
	middle := arranged(t, fleet.Policy{}, "a", "b", "c")
	middle.Environments[0].State, middle.Environments[1].State = fleet.Done, fleet.Running
	said, err := converter.GetDefaultDataConverter().ToPayloads(middle)
	if err != nil {
		t.Fatal(err)
	}
	for status, want := range map[enums.WorkflowExecutionStatus]string{
		enums.WORKFLOW_EXECUTION_STATUS_RUNNING:    "",
		enums.WORKFLOW_EXECUTION_STATUS_FAILED:     "in Temporal it failed",
		enums.WORKFLOW_EXECUTION_STATUS_CANCELED:   "in Temporal it was cancelled",
		enums.WORKFLOW_EXECUTION_STATUS_TERMINATED: "in Temporal it was terminated",
		enums.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:  "in Temporal it ran out of time",
	} {
		c := &Client{api: oneWorkflow{status: status, said: said}}
		r, _, err := c.Status(t.Context(), middle.ID)
		if err != nil {
			t.Fatal(err)
		}
		ended := status != enums.WORKFLOW_EXECUTION_STATUS_RUNNING
		if r.Stopped() != want || ended != r.Ended.Equal(closedAt) || r.Ended.IsZero() == ended {
			t.Errorf("%s: stopped %q, ended %s", status, r.Stopped(), r.Ended)
		}
		if ended && r.Code() != fault.Interrupted {
			t.Errorf("%s: code %d", status, r.Code())
		}
		r.Again(false)
		if next := strings.Join(r.Next(closedAt).Start, " "); ended && next != "b c" {
			t.Errorf("%s: taken up again with %q", status, next)
		}
	}
}
