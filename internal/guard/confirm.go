package guard

import (
	"fmt"
	"strings"

	"infra/internal/fault"
)

// Typed refuses to change a protected environment, or to destroy any, unless
// its name was typed exactly. Spaces around it and the line's end do not count.
func Typed(environment, typed string) error {
	if environment != "" && strings.TrimSpace(typed) == environment {
		return nil
	}
	what := "nothing was typed"
	if t := strings.TrimSpace(typed); t != "" {
		what = fmt.Sprintf("%s was typed", shown(t))
	}
	return fault.New(fault.Refused, "confirm the change of "+environment,
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

// Need is what a person still has to type before a run goes on.
type Need int

// What may be needed, from nothing to the environment's name.
const (
	NeedNothing Need = iota // it was approved on the command line
	NeedYes                 // the word yes
	NeedName                // the environment's name
)

// Confirmed says what must still be typed, given --auto-approve and --confirm
// (confirm, empty when not given). A protected environment always wants its
// name, and so does destroying (destroys: `infra destroy`, any environment);
// --confirm gives it, --auto-approve does not. A --confirm that names another
// environment is refused.
func Confirmed(environment string, protected, auto bool, confirm string, destroys bool) (Need, error) {
	switch {
	case confirm != "":
		return NeedNothing, Typed(environment, confirm)
	case protected || destroys:
		return NeedName, nil
	case auto:
		return NeedNothing, nil
	default:
		return NeedYes, nil
	}
}
