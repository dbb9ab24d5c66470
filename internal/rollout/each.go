package rollout

import (
	"context"
	"os"

	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
)

// Each calls infra once for each environment, so many side by side, and tells
// what each call answered, in any order but one at a time. When ctx ends, those
// that run are interrupted and no other begins.
func (i Infra) Each(ctx context.Context, environments []string, width int, arguments func(name string) []string, answered func(name string, a Answer)) error {
	logs, err := os.MkdirTemp("", "infra-fleet-")
	if err != nil {
		return fault.New(fault.Failed, "make a folder for logs", err, "")
	}
	defer func() { _ = os.RemoveAll(logs) }() // what matters of them is in the answers
	type result struct {
		name   string
		answer Answer
	}
	results := make(chan result)
	var group errgroup.Group
	group.SetLimit(width)
	go func() {
		for _, name := range environments {
			group.Go(func() error {
				results <- result{name, i.one(ctx, logOf(logs, name), arguments(name))}
				return nil
			})
		}
		_ = group.Wait() // what failed is in the answers
		close(results)
	}()
	for r := range results {
		answered(r.name, r.answer)
	}
	return nil
}

// one calls infra, and answers for it when it could not be called.
func (i Infra) one(ctx context.Context, log string, arguments []string) Answer {
	if ctx.Err() != nil {
		return Answer{Exit: fault.Interrupted, Error: "interrupted before it began"}
	}
	answer, err := i.Call(ctx, log, arguments...)
	if err != nil {
		return Answer{Exit: fault.CodeOf(err), Error: err.Error(), Hint: fault.HintOf(err)}
	}
	return answer
}
