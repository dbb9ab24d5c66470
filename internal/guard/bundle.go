package guard

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/fault"
)

// Ground is what a plan stands on: whoever applies it must stand there too.
type Ground struct {
	Environment string
	Account     string // 12 digits
	Region      string
	Commit      string // of HEAD; empty when the project is no repository
	Content     string // digest of what the environment is made of in it; empty: not known
	Terraform   string // version, as 1.11.4
}

// BundleFacts is a bundle of plans and what is the case when somebody wants
// to apply it.
type BundleFacts struct {
	Name     string        // as it was typed, for messages
	Made     Ground        // what the bundle says
	Here     Ground        // what is the case
	Created  time.Time     // by the server's clock
	Expires  time.Time     // by the server's clock
	Now      time.Time     // by the server's clock
	Digest   string        // SHA-256 of the bundle's file, lower-case hex
	Recorded string        // the digest that the ledger has for the run that made it; empty: none
	Dirty    bool          // it was planned from uncommitted files
	DirtyOK  bool          // --allow-dirty, or the environment is not protected
	Stacks   []BundleStack // those that were planned; deferred ones have nothing to check
}

// BundleStack is the plan of one stack in a bundle.
type BundleStack struct {
	Stack     string   // product/environment
	Plan      string   // SHA-256 of the plan file as it is now
	Approved  string   // SHA-256 of the plan file as the manifest has it
	Planned   *Version // the state that was planned against; nil: there was none
	State     *Version // the state now; nil: there is none
	Inputs    string   // digest of what it reads from other stacks, when it was planned; empty: not known, not compared
	InputsNow string   // the same now
}

// Bundle refuses a bundle that is not exactly what was planned and approved
// (tampered with, or unknown to the ledger), that is past its time, or whose
// ground has moved: environment, account, region, commit, Terraform, or a
// state. All reasons are given at once.
func Bundle(f BundleFacts) error {
	wrong := append(f.integrity(), f.age()...)
	wrong = append(wrong, f.ground()...)
	for _, s := range f.Stacks {
		for _, text := range s.wrong() {
			wrong = append(wrong, s.Stack+": "+text)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return fault.New(fault.Refused, "apply the bundle "+shown(f.Name), errors.New(strings.Join(wrong, "; ")),
		fmt.Sprintf("plan and approve again: infra plan %s --out FILE", f.Here.Environment))
}

// integrity compares the file with what the ledger recorded when it was made.
func (f BundleFacts) integrity() []string {
	switch {
	case f.Recorded == "":
		return []string{"the ledger of " + f.Here.Environment + " knows no such bundle"}
	case f.Digest != f.Recorded:
		return []string{fmt.Sprintf("it was tampered with: its SHA-256 is %s, the ledger recorded %s", short(f.Digest), short(f.Recorded))}
	default:
		return nil
	}
}

func (f BundleFacts) age() []string {
	switch {
	case f.Expires.IsZero() || f.Created.IsZero():
		return []string{"it names no time to live"}
	case f.Created.After(f.Now.Add(skewLimit)):
		return []string{fmt.Sprintf("it was made in the future, %s from now", span(f.Created.Sub(f.Now)))}
	case !f.Now.Before(f.Expires):
		return []string{fmt.Sprintf("it is too old: made %s ago, and it was to be applied within %s", span(f.Now.Sub(f.Created)), span(f.Expires.Sub(f.Created)))}
	default:
		return nil
	}
}

func (f BundleFacts) ground() []string {
	var wrong []string
	// A merge makes another commit of the same content. Where both contents are
	// known, they say more than the commits do.
	if f.Made.Content != "" && f.Here.Content != "" {
		f.Made.Commit, f.Here.Commit = "", ""
	} else {
		f.Made.Content, f.Here.Content = "", ""
	}
	for _, c := range []struct{ what, made, here string }{
		{"for environment", f.Made.Environment, f.Here.Environment},
		{"for account", f.Made.Account, f.Here.Account},
		{"for region", f.Made.Region, f.Here.Region},
		{"from commit", f.Made.Commit, f.Here.Commit},
		{"from content", f.Made.Content, f.Here.Content},
		{"by Terraform", f.Made.Terraform, f.Here.Terraform},
	} {
		if c.made != c.here {
			wrong = append(wrong, fmt.Sprintf("it was planned %s %s, here it is %s", c.what, shown(c.made), shown(c.here)))
		}
	}
	if f.Dirty && !f.DirtyOK {
		wrong = append(wrong, "it was planned from files that are in no commit")
	}
	return wrong
}

// wrong is all that has changed about one plan since it was approved.
func (s BundleStack) wrong() []string {
	var wrong []string
	if s.Plan != s.Approved {
		wrong = append(wrong, fmt.Sprintf("the plan file was tampered with: its SHA-256 is %s, approved was %s", short(s.Plan), short(s.Approved)))
	}
	switch {
	case s.Planned == nil && s.State == nil:
	case s.Planned == nil:
		wrong = append(wrong, "it is stale: the stack had no state, now it has "+s.State.describe())
	case s.State == nil:
		wrong = append(wrong, "the state that it was planned from is gone: "+s.Planned.describe())
	case s.Planned.Lineage == s.State.Lineage && s.Planned.Serial == s.State.Serial:
		if !same(*s.Planned, *s.State) {
			wrong = append(wrong, fmt.Sprintf("it is stale: the state was edited by hand since, and its serial %d left as it was", s.State.Serial))
		}
	default:
		wrong = append(wrong, fmt.Sprintf("it is stale: it was planned from %s, the state now has %s", s.Planned.describe(), s.State.describe()))
	}
	if s.Inputs != "" && s.InputsNow != "" && s.Inputs != s.InputsNow {
		wrong = append(wrong, "it is stale: what it reads from other stacks has changed since it was planned")
	}
	return wrong
}
