package guard_test

import (
	"strings"
	"testing"
	"time"

	"infra/internal/guard"
)

// approved is a bundle that may be applied.
func approved() guard.BundleFacts {
	ground := guard.Ground{Environment: "prod", Account: "111111111111", Region: "eu-west-1", Commit: strings.Repeat("c", 40), Terraform: "1.11.4"}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	digest, plan := strings.Repeat("d", 64), strings.Repeat("e", 64)
	return guard.BundleFacts{
		Name: "prod.bundle", Made: ground, Here: ground, Created: now.Add(-time.Hour), Expires: now.Add(3 * time.Hour), Now: now,
		Digest: digest, Recorded: digest,
		Stacks: []guard.BundleStack{
			{Stack: "baseline/prod", Plan: plan, Approved: plan},
			{Stack: "pipeline/prod", Plan: plan, Approved: plan, Planned: last(), State: last(), Inputs: "i", InputsNow: "i"},
		},
	}
}

func TestBundle(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*guard.BundleFacts)
		says   []string
	}{
		{name: "as approved", change: func(*guard.BundleFacts) {}},
		{name: "only deferred stacks", change: func(f *guard.BundleFacts) { f.Stacks = nil }},
		{name: "no repository on both sides", change: func(f *guard.BundleFacts) { f.Made.Commit, f.Here.Commit = "", "" }},
		{name: "dirty, allowed", change: func(f *guard.BundleFacts) { f.Dirty, f.DirtyOK = true, true }},
		{name: "the same bytes put again", change: func(f *guard.BundleFacts) {
			v := with(func(v *guard.Version) { v.VersionID = "v8" })
			f.Stacks[1].State = &v
		}},
		{name: "inputs not known yet", change: func(f *guard.BundleFacts) { f.Stacks[1].InputsNow = "" }},

		{name: "row 30: the state has moved on", change: func(f *guard.BundleFacts) {
			v := with(func(v *guard.Version) { v.Serial, v.SHA256 = 8, "8" })
			f.Stacks[1].State = &v
		}, says: []string{"pipeline/prod: it is stale", "serial 7", "serial 8"}},
		{name: "row 30: another lineage", change: func(f *guard.BundleFacts) {
			v := with(func(v *guard.Version) { v.Lineage = "bbbb" })
			f.Stacks[1].State = &v
		}, says: []string{"it is stale", "lineage bbbb"}},
		{name: "row 30: applied for the first time meanwhile", change: func(f *guard.BundleFacts) { f.Stacks[0].State = last() }, says: []string{"baseline/prod: it is stale: the stack had no state, now it has lineage aaaa"}},
		{name: "row 30: the state is gone", change: func(f *guard.BundleFacts) { f.Stacks[1].State = nil }, says: []string{"the state that it was planned from is gone"}},
		{name: "row 30: other inputs", change: func(f *guard.BundleFacts) { f.Stacks[1].InputsNow = "j" }, says: []string{"what it reads from other stacks has changed"}},
		{name: "row 18: edited by hand, same serial", change: func(f *guard.BundleFacts) {
			v := with(func(v *guard.Version) { v.SHA256 = "8" })
			f.Stacks[1].State = &v
		}, says: []string{"the state was edited by hand since, and its serial 7 left as it was"}},

		{name: "row 31: the bundle is another file", change: func(f *guard.BundleFacts) { f.Digest = strings.Repeat("f", 64) }, says: []string{"tampered with: its SHA-256 is ffffffffffff, the ledger recorded dddddddddddd"}},
		{name: "row 31: the ledger knows none", change: func(f *guard.BundleFacts) { f.Recorded = "" }, says: []string{"the ledger of prod knows no such bundle"}},
		{name: "row 31: neither does it know an empty one", change: func(f *guard.BundleFacts) { f.Recorded, f.Digest = "", "" }, says: []string{"knows no such bundle"}},
		{name: "row 31: a plan is another file", change: func(f *guard.BundleFacts) { f.Stacks[1].Plan = strings.Repeat("0", 64) }, says: []string{"pipeline/prod: the plan file was tampered with"}},

		{name: "row 32: too old", change: func(f *guard.BundleFacts) { f.Now = f.Expires }, says: []string{"it is too old: made 4 h 0 min ago, and it was to be applied within 4 h 0 min"}},
		{name: "row 32: no time to live", change: func(f *guard.BundleFacts) { f.Expires = time.Time{} }, says: []string{"names no time to live"}},
		{name: "row 32: from the future", change: func(f *guard.BundleFacts) { f.Created = f.Now.Add(time.Hour) }, says: []string{"made in the future"}},
		{name: "row 32: another commit", change: func(f *guard.BundleFacts) { f.Here.Commit = strings.Repeat("c", 39) + "d" }, says: []string{"planned from commit " + strings.Repeat("c", 40) + ", here it is " + strings.Repeat("c", 39) + "d"}},
		{name: "row 32: no commit here", change: func(f *guard.BundleFacts) { f.Here.Commit = "" }, says: []string{"here it is (unknown)"}},
		{name: "row 32: the same content in another commit", change: func(f *guard.BundleFacts) {
			f.Made.Content, f.Here.Content, f.Here.Commit = "a", "a", strings.Repeat("c", 39)+"d"
		}},
		{name: "row 32: another content in the same commit", change: func(f *guard.BundleFacts) { f.Made.Content, f.Here.Content = "a", "b" }, says: []string{"from content a, here it is b"}},
		{name: "row 32: a content that nobody compares", change: func(f *guard.BundleFacts) {
			f.Made.Content, f.Here.Commit = "a", strings.Repeat("c", 39)+"d"
		}, says: []string{"from commit"}},
		{name: "row 32: of no commit", change: func(f *guard.BundleFacts) { f.Dirty = true }, says: []string{"files that are in no commit"}},
		{name: "row 26: another account", change: func(f *guard.BundleFacts) { f.Made.Account = "222222222222" }, says: []string{"for account 222222222222, here it is 111111111111"}},
		{name: "row 27: another region", change: func(f *guard.BundleFacts) { f.Made.Region = "us-east-1" }, says: []string{"for region us-east-1"}},
		{name: "another environment", change: func(f *guard.BundleFacts) { f.Made.Environment = "staging" }, says: []string{"for environment staging, here it is prod"}},
		{name: "another Terraform", change: func(f *guard.BundleFacts) { f.Here.Terraform = "1.12.0" }, says: []string{"by Terraform 1.11.4, here it is 1.12.0"}},
		{name: "everything at once", change: func(f *guard.BundleFacts) {
			f.Recorded, f.Now, f.Here.Commit = "", f.Expires.Add(time.Hour), ""
			f.Stacks[0].State = last()
		}, says: []string{"knows no such bundle", "too old", "from commit", "baseline/prod: it is stale"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			facts := approved()
			c.change(&facts)
			check(t, guard.Bundle(facts), c.says, "infra plan prod --out FILE")
		})
	}
}

func TestFresh(t *testing.T) {
	right := approved().Stacks[1]
	stale, tampered := right, right
	moved := with(func(v *guard.Version) { v.Serial = 8 })
	stale.State, tampered.Plan = &moved, "x"
	for name, c := range map[string]struct {
		stack guard.BundleStack
		says  []string
	}{
		"as approved":               {stack: right},
		"row 30: stale":             {stack: stale, says: []string{"apply the plan of pipeline/prod", "it is stale"}},
		"row 31: tampered":          {stack: tampered, says: []string{"was tampered with"}},
		"row 31: the file is empty": {stack: guard.BundleStack{Stack: "pipeline/prod", Approved: "x"}, says: []string{"tampered with: its SHA-256 is (unknown)"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, guard.Fresh(c.stack), c.says, "infra apply prod") })
	}
}
