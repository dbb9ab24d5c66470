//go:build endtoend

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

const (
	emrParameter = "/infra/cloud/emr/active"
	// submitEvery is how often the client submits a step, each of which works
	// for half a second.
	submitEvery = time.Second
	// remembered is how long the client goes by a pointer that it has read.
	remembered = 3 * time.Second
)

// submission is a step that the client has submitted.
type submission struct {
	cluster, step string
	err           error
}

// submitter is a client that submits steps to the cluster that the pointer
// leads to, for as long as it lives.
type submitter struct {
	emr *emr.Client
	ssm *ssm.Client

	mu          sync.Mutex
	submissions []submission
	stop        func()
}

// newSubmitter starts a client; it ends with the test, or by its stop.
func newSubmitter(t *testing.T, c *cloud) *submitter {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &submitter{emr: emr.NewFromConfig(c.config(t)), ssm: ssm.NewFromConfig(c.config(t))}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.work(ctx)
	}()
	s.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(s.stop)
	return s
}

func (s *submitter) work(ctx context.Context) {
	tick := time.NewTicker(submitEvery)
	defer tick.Stop()
	cluster, read := "", time.Time{}
	for number := 1; ; number++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if time.Since(read) > remembered {
			if cluster, err = pointerOf(context.WithoutCancel(ctx), s.ssm); err == nil {
				read = time.Now()
			}
		}
		one := submission{cluster: cluster, err: err}
		if err == nil {
			one.step, one.err = submit(context.WithoutCancel(ctx), s.emr, cluster, fmt.Sprintf("client %d", number), "spark-submit", "s3://jobs/job.py")
		}
		s.mu.Lock()
		s.submissions = append(s.submissions, one)
		s.mu.Unlock()
	}
}

// pointerOf is the cluster that jobs are to be sent to.
func pointerOf(ctx context.Context, client *ssm.Client) (string, error) {
	found, err := client.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(emrParameter)})
	if err != nil {
		return "", err
	}
	var value struct {
		ClusterID string `json:"cluster_id"`
	}
	err = json.Unmarshal([]byte(aws.ToString(found.Parameter.Value)), &value)
	return value.ClusterID, err
}

// submit gives a cluster a step.
func submit(ctx context.Context, client *emr.Client, cluster, name string, args ...string) (string, error) {
	added, err := client.AddJobFlowSteps(ctx, &emr.AddJobFlowStepsInput{JobFlowId: &cluster, Steps: []types.StepConfig{{
		Name: &name, ActionOnFailure: types.ActionOnFailureContinue,
		HadoopJarStep: &types.HadoopJarStepConfig{Jar: aws.String("command-runner.jar"), Args: args},
	}}})
	if err != nil {
		return "", err
	}
	return added.StepIds[0], nil
}

// judge stops the client and wants every submission taken and every step
// worked on to its end. It gives how many went to which cluster.
func (s *submitter) judge(t *testing.T) map[string]int {
	t.Helper()
	s.stop()
	counts, failed, lost := map[string]int{}, 0, 0
	for _, one := range s.submissions {
		counts[one.cluster]++
		if one.err != nil {
			failed++
			t.Errorf("a submission to %s failed: %v", one.cluster, one.err)
			continue
		}
		if state := stepEnd(t, s.emr, one.cluster, one.step); state != types.StepStateCompleted {
			lost++
			t.Errorf("step %s of %s is %s", one.step, one.cluster, state)
		}
	}
	tellEMR("client: %d submissions, %d failed, %d of the steps not completed, to %d clusters", len(s.submissions), failed, lost, len(counts))
	return counts
}

// stepEnd waits until a step has ended.
func stepEnd(t *testing.T, client *emr.Client, cluster, step string) types.StepState {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		described, err := client.DescribeStep(t.Context(), &emr.DescribeStepInput{ClusterId: &cluster, StepId: &step})
		if err != nil {
			t.Fatal(err)
		}
		state := described.Step.Status.State
		if state != types.StepStatePending && state != types.StepStateRunning || time.Now().After(deadline) {
			return state
		}
		time.Sleep(100 * time.Millisecond)
	}
}
