package fleet

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Order is how a selection is to be divided.
type Order struct {
	Canary      []string // names, or one number: so many of the first
	Waves       []string // how many are done after each: "10%", "50%", "100%", or numbers
	Wave        int      // as many in each wave; 0: as Waves says
	MaxFailures string   // a number, or "10%" of all
}

// Arrange gives each environment its wave, and puts them in the order in which
// they go. It returns how many may fail.
func Arrange(environments []Environment, o Order) (maxFailures int, err error) {
	total := len(environments)
	if maxFailures, err = amount(o.MaxFailures, total); err != nil {
		return 0, fmt.Errorf("--max-failures: %w", err)
	}
	canary, err := canaries(environments, o.Canary)
	if err != nil {
		return 0, err
	}
	ends, err := o.ends(total - canary)
	if err != nil {
		return 0, err
	}
	for i := range environments {
		environments[i].State = Waiting
		if i < canary {
			environments[i].Wave = 0
			continue
		}
		environments[i].Wave = 1 + slices.IndexFunc(ends, func(end int) bool { return i-canary < end })
	}
	return maxFailures, nil
}

// canaries moves the canary to the front and tells how many it has.
func canaries(environments []Environment, wanted []string) (int, error) {
	if len(wanted) == 1 {
		if n, err := strconv.Atoi(wanted[0]); err == nil {
			if n < 0 || n > len(environments) {
				return 0, fmt.Errorf("--canary: %d of %d environments", n, len(environments))
			}
			return n, nil
		}
	}
	for i, name := range wanted {
		at := slices.IndexFunc(environments, func(e Environment) bool { return e.Name == name })
		if at < i {
			return 0, fmt.Errorf("--canary: %s is not in the selection, or named twice", name)
		}
		e := environments[at]
		copy(environments[i+1:at+1], environments[i:at])
		environments[i] = e
	}
	return len(wanted), nil
}

// ends are how many of total have gone after each wave; the last is total.
func (o Order) ends(total int) ([]int, error) {
	var ends []int
	switch {
	case o.Wave < 0:
		return nil, errors.New("--wave: a wave has at least one environment")
	case o.Wave > 0:
		for end := o.Wave; end < total; end += o.Wave {
			ends = append(ends, end)
		}
	default:
		last := 0
		for _, text := range o.Waves {
			end, err := amount(text, total)
			if err != nil {
				return nil, fmt.Errorf("--waves: %w", err)
			}
			if end = max(end, min(1, total)); end < last {
				return nil, fmt.Errorf("--waves: %s is less than what has gone before", text)
			}
			if last = end; end < total {
				ends = append(ends, end)
			}
		}
	}
	return append(slices.Compact(ends), total), nil
}

// amount reads a number, or a part of total, rounded down. Empty is none.
func amount(text string, total int) (int, error) {
	number, percent := strings.CutSuffix(text, "%")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 0:
		return 0, fmt.Errorf("%q is neither a number nor a percentage", text)
	case percent && n > 100:
		return 0, fmt.Errorf("%s is more than all", text)
	case percent:
		return total * n / 100, nil
	default:
		return n, nil
	}
}
