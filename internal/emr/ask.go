package emr

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// questionNames begins the name of every step that is infra's own.
const questionNames = "infra: "

// errUnanswered says that a cluster did not answer a question in time.
var errUnanswered = errors.New("no answer in time")

// question gives a cluster one of infra's own steps, or finds the one again
// that an interrupted run has given it, and returns what it answered. make gets
// the addresses of the question and of the answer. nonce is what the question
// holds.
func (w *Work) question(ctx context.Context, c *Colours, clusterID, what string, command func(question, answer string) ([]string, error)) (answer, nonce string, err error) {
	m := c.Move
	if m.StepID == "" || !strings.HasPrefix(m.Question, what+"-") {
		m.Question, m.StepID = what+"-"+strings.ToLower(rand.Text()), ""
	}
	nonce = m.Question
	folder := w.Output.Answers + m.Question + "/"
	if m.StepID == "" {
		args, err := command(folder+"question.json", folder+"answer.txt")
		if err != nil {
			return "", "", err
		}
		if err := w.putObject(ctx, folder+"question.json", map[string]string{"nonce": nonce}); err != nil {
			return "", "", err
		}
		added, err := w.EMR.AddJobFlowSteps(ctx, &emr.AddJobFlowStepsInput{JobFlowId: &clusterID, Steps: []types.StepConfig{{
			Name: aws.String(questionNames + what), ActionOnFailure: types.ActionOnFailureContinue,
			HadoopJarStep: &types.HadoopJarStepConfig{Jar: aws.String("command-runner.jar"), Args: args},
		}}})
		if err != nil {
			return "", "", errors.New(gist(err))
		}
		if len(added.StepIds) != 1 {
			return "", "", fmt.Errorf("EMR took %d steps in the place of one", len(added.StepIds))
		}
		m.StepID = added.StepIds[0]
		if err := w.Records.Write(ctx, c); err != nil {
			return "", "", err
		}
	}
	err = w.stepEnds(ctx, clusterID, m.StepID, what)
	if ctx.Err() != nil || errors.Is(err, errUnanswered) {
		return "", "", err // whoever goes on waits for the same step
	}
	// It has ended, so that whoever goes on asks anew.
	m.Question, m.StepID = "", ""
	if err := errors.Join(err, w.Records.Write(ctx, c)); err != nil {
		return "", "", err
	}
	answer, err = w.object(ctx, folder+"answer.txt")
	return answer, nonce, err
}

// stepEnds waits for the end of a step.
func (w *Work) stepEnds(ctx context.Context, clusterID, id, what string) error {
	waiting, cancel := context.WithTimeoutCause(ctx, w.Options.Answer, errUnanswered)
	defer cancel()
	told := types.StepState("")
	for {
		described, err := w.EMR.DescribeStep(waiting, &emr.DescribeStepInput{ClusterId: &clusterID, StepId: &id})
		switch {
		case err != nil && waiting.Err() == nil:
			return errors.New(gist(err))
		case err == nil && described.Step != nil && described.Step.Status != nil:
			state := described.Step.Status.State
			if state != told {
				w.Live(fmt.Sprintf("%s: step %s of %s is %s", what, id, clusterID, state))
				told = state
			}
			switch state {
			case types.StepStateCompleted:
				return nil
			case types.StepStateFailed, types.StepStateCancelled, types.StepStateInterrupted:
				why := ""
				if d := described.Step.Status.FailureDetails; d != nil {
					why = because(strings.TrimSpace(aws.ToString(d.Reason) + " " + aws.ToString(d.Message)))
				}
				return fmt.Errorf("step %s of %s is %s%s", id, clusterID, state, why)
			default:
			}
		}
		if err := pause(waiting, w.Options.Every); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("step %s of %s is %s: %w (%s)", id, clusterID, orNothing(string(told)), errUnanswered, w.Options.Answer)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// split takes an S3 address apart.
func split(address string) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(address, "s3://"), "/")
	return bucket, key
}

func (w *Work) putObject(ctx context.Context, address string, document any) error {
	data, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("encode %s: %w", address, err)
	}
	bucket, key := split(address)
	_, err = w.Records.Client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, ExpectedBucketOwner: &w.Records.Account, Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
	})
	if err != nil {
		return fmt.Errorf("write %s: %s", address, gist(err))
	}
	return nil
}

func (w *Work) object(ctx context.Context, address string) (string, error) {
	bucket, key := split(address)
	out, err := w.Records.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ExpectedBucketOwner: &w.Records.Account})
	if err != nil {
		return "", fmt.Errorf("read %s: %s", address, gist(err))
	}
	data, err := io.ReadAll(io.LimitReader(out.Body, 4<<20))
	return string(data), errors.Join(err, out.Body.Close())
}
