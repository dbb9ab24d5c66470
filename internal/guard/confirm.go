package guard

import (
	"fmt"
	"strings"

	"infra/internal/fault"
)

// Typed refuses to destroy an environment, or something stateful in a
// protected one, unless its name was typed exactly. Spaces around it and the
// line's end do not count.
func Typed(environment, typed string) error {
	if environment != "" && strings.TrimSpace(typed) == environment {
		return nil
	}
	what := "nothing was typed"
	if t := strings.TrimSpace(typed); t != "" {
		what = fmt.Sprintf("%s was typed", shown(t))
	}
	return fault.New(fault.Refused, "confirm destroying in "+environment,
		fmt.Errorf("%s, not the environment's name", what), "run it again and type "+environment)
}

// NeedsName says that --auto-approve is not enough: the environment is
// protected and the changes destroy something.
func NeedsName(protected bool, changes []Change) bool {
	if !protected {
		return false
	}
	for _, c := range changes {
		if c.destructive() {
			return true
		}
	}
	return false
}
