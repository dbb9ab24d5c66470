package fault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"infra/internal/fault"
)

func TestCodeOf(t *testing.T) {
	inner := fault.New(fault.Locked, "lock", errors.New("held"), "wait")
	for name, c := range map[string]struct {
		err  error
		want fault.Code
	}{
		"nil":              {nil, fault.OK},
		"plain":            {errors.New("x"), fault.Failed},
		"fault":            {inner, fault.Locked},
		"wrapped":          {fmt.Errorf("more: %w", inner), fault.Locked},
		"outermost wins":   {fault.New(fault.Refused, "op", inner, ""), fault.Refused},
		"joined":           {errors.Join(errors.New("x"), inner), fault.Locked},
		"cancelled":        {fmt.Errorf("run: %w", context.Canceled), fault.Interrupted},
		"fault, cancelled": {fault.New(fault.Failed, "op", context.Canceled, ""), fault.Failed},
	} {
		if got := fault.CodeOf(c.err); got != c.want {
			t.Errorf("%s: code %d, want %d", name, got, c.want)
		}
	}
}

func TestHintOf(t *testing.T) {
	inner := fault.New(fault.Locked, "lock", errors.New("held"), "wait")
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nil":                   {nil, ""},
		"plain":                 {errors.New("x"), ""},
		"own":                   {inner, "wait"},
		"of the cause":          {fault.New(fault.Failed, "op", fmt.Errorf("a: %w", inner), ""), "wait"},
		"the outer one is used": {fault.New(fault.Failed, "op", inner, "retry"), "retry"},
	} {
		if got := fault.HintOf(c.err); got != c.want {
			t.Errorf("%s: hint %q, want %q", name, got, c.want)
		}
	}
}

func TestEveryCodeHasAMeaning(t *testing.T) {
	for _, c := range []fault.Code{fault.OK, fault.Failed, fault.Differences, fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved, fault.Usage, fault.Interrupted} {
		if c.Meaning() == "unknown" {
			t.Errorf("code %d has no meaning", c)
		}
	}
}
