package guard

import (
	"errors"
	"fmt"
	"strings"

	"infra/internal/fault"
)

// Version is which state a stack had, or has. It converts to and from the
// ledger's version by Go's conversion: the fields are the same.
type Version struct {
	Lineage   string `json:"lineage"`
	Serial    uint64 `json:"serial"`
	VersionID string `json:"version_id"` // of the S3 object
	SHA256    string `json:"sha256"`     // of the object's bytes, lower-case hex
}

// Found is what is at a stack's key in the state bucket. At most one of
// Absent, Empty and Corrupt is set, and then Version means nothing.
type Found struct {
	Absent  bool   // there is no object
	Empty   bool   // it has zero bytes
	Corrupt bool   // it cannot be read as a state
	Problem string // what is wrong with a corrupt one, for people
	Version
}

// State compares the state that was found with the last one that the ledger
// knows (nil: none), before Terraform sees it: Terraform takes an absent or
// empty state for a new stack and would create everything again. stack is
// product/environment. warning is a sentence for people, empty when the state
// is as the ledger left it.
func State(stack string, known *Version, found Found) (warning string, err error) {
	product, environment, _ := strings.Cut(stack, "/")
	flags := fmt.Sprintf(" %s --product %s", environment, product)
	history := "infra state history" + flags
	refuse := func(hint, format string, args ...any) error {
		return fault.New(fault.Refused, "check the state of "+stack, fmt.Errorf(format, args...), hint)
	}
	back := history + ", then infra state restore" + flags + " VERSION"
	if known != nil && known.VersionID != "" {
		back = "infra state restore" + flags + " " + shellQuote(shown(known.VersionID)) + " (" + history + " lists all versions)"
	}
	switch {
	case found.Absent && known == nil:
		return "", nil
	case found.Absent:
		return "", refuse(back, "it is missing, and the ledger knows %s; applying now would create everything a second time", known.describe())
	case found.Empty && known == nil:
		return "", refuse(back, "it has zero bytes; applying now would create everything a second time")
	case found.Empty:
		return "", refuse(back, "it has zero bytes, and the ledger knows %s; applying now would create everything a second time", known.describe())
	case found.Corrupt:
		problem := found.Problem
		if problem == "" {
			problem = "it cannot be read as a state"
		}
		return "", refuse(back, "it is damaged: %s%s", shown(problem), known.asLastGood())
	case known == nil:
		return "", nil
	case found.Lineage != known.Lineage:
		return "", refuse(history, "it is another state: its lineage is %s, the ledger knows %s; infra never forces one over the other", shown(found.Lineage), known.describe())
	case found.Serial < known.Serial:
		return "", refuse(back, "an older state was put over a newer one: it has serial %d, the ledger knows %s", found.Serial, known.describe())
	case found.Serial > known.Serial:
		return fmt.Sprintf("%s: the state was changed outside of infra, or saved again by a plan that was interrupted: it has serial %d, the ledger knows %d (%s shows both)", stack, found.Serial, known.Serial, history), nil
	case !same(found.Version, *known):
		return fmt.Sprintf("%s: somebody edited the state by hand and left serial %d as it was (%s shows both; `infra state edit` keeps such an edit apart)", stack, found.Serial, history), nil
	default:
		return "", nil
	}
}

// same tells whether two versions of one lineage hold the same bytes, as far
// as both sides know.
func same(a, b Version) bool {
	if a.SHA256 != "" && b.SHA256 != "" {
		return a.SHA256 == b.SHA256
	}
	return a.VersionID == "" || b.VersionID == "" || a.VersionID == b.VersionID
}

func (v *Version) describe() string {
	text := fmt.Sprintf("lineage %s, serial %d", shown(v.Lineage), v.Serial)
	if v.VersionID != "" {
		text += ", S3 version " + shown(v.VersionID)
	}
	return text
}

func (v *Version) asLastGood() string {
	if v == nil {
		return ""
	}
	return "; the last good one has " + v.describe()
}

// Fresh refuses to apply a plan that is not, or no longer, what was approved:
// another file, another state below it, other inputs. It is asked just before
// the plan is applied.
func Fresh(s BundleStack) error {
	wrong := s.wrong()
	if len(wrong) == 0 {
		return nil
	}
	_, environment, _ := strings.Cut(s.Stack, "/")
	return fault.New(fault.Refused, "apply the plan of "+s.Stack, errors.New(strings.Join(wrong, "; ")),
		"plan and approve again: infra apply "+environment)
}
