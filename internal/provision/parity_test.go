package provision

import (
	"maps"
	"slices"
	"testing"

	"infra/internal/run"
	"infra/internal/state"
)

func TestInstalled(t *testing.T) {
	t.Parallel()
	got := installed("ii \tzookeeper\t3.8.0-11+deb12u2\nrc \told\t1.0\nii \tlibc6\t2.36-9\nnonsense\n")
	if !maps.Equal(got, map[string]string{"zookeeper": "3.8.0-11+deb12u2", "libc6": "2.36-9"}) {
		t.Errorf("got %v", got)
	}
}

// What goes on, and plans that were kept, are no last run.
func TestLastRun(t *testing.T) {
	t.Parallel()
	runs := []run.Record{
		{Run: "4", Verb: "apply", Result: run.Running},
		{Run: "3", Verb: "plan", Result: run.Done},
		{
			Run: "2", Verb: "apply", Result: run.Failed, Commit: "0123456", Dirty: true,
			Stacks: []run.StackRecord{{Stack: "baseline/prod", Result: "done", Applied: 0}, {Stack: "pipeline/prod", Result: "failed", Applied: 3}, {Stack: "x/prod"}},
			Hosts:  []run.HostRecord{{Result: "ok"}, {Result: "failed"}, {Result: "unreachable"}, {Result: "2 changed"}},
		},
		{Run: "1", Stacks: []run.StackRecord{{Stack: "baseline/prod", Applied: 9}}},
	}
	got := map[string]string{}
	for _, f := range lastRun("prod", runs) {
		got[f.Name] = f.Value
		if f.Place != "infra runs prod 2" {
			t.Errorf("%s comes from %q", f.Name, f.Place)
		}
	}
	want := map[string]string{
		"verb": "apply", "result": "failed", "commit": "0123456 with uncommitted changes",
		"stack baseline": "done", "stack pipeline": "failed", "hosts not configured": "2",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if from := appliedFrom(runs, "baseline/prod"); from == nil || from.Run != "1" {
		t.Errorf("baseline was last applied by %+v", from)
	}
	if from := appliedFrom(runs, "baseline/acme"); from != nil {
		t.Errorf("acme was applied by %+v", from)
	}
	if facts := lastRun("prod", nil); facts != nil {
		t.Errorf("of nothing: %v", facts)
	}
}

func TestLayerOf(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		`module.zookeeper.aws_instance.server[0]`: "zookeeper",
		`module.emr["blue"].aws_emr_cluster.this`: "emr",
		`aws_instance.a`: "the product",
		`module.vpc.module.inner.aws_instance.a["b"]`: "vpc",
	} {
		if got := layerOf(address); got != want {
			t.Errorf("%s is of %q, want %q", address, got, want)
		}
	}
}

// A resource is a part of what its attributes name; the ARN of a topic's policy
// is the topic's.
func TestManagedIn(t *testing.T) {
	t.Parallel()
	s, err := state.Parse([]byte(`{"version":4,"serial":1,"lineage":"x","outputs":{},"resources":[
{"mode":"managed","type":"aws_s3_bucket","name":"log","instances":[{"attributes":{"id":"log","arn":"arn:aws:s3:::log","bucket":"log"}}]},
{"mode":"managed","type":"aws_s3_bucket_policy","name":"log","instances":[{"attributes":{"id":"log","bucket":"log"}}]},
{"mode":"managed","type":"aws_sns_topic_policy","name":"a","instances":[{"attributes":{"id":"arn:t","arn":"arn:t"}}]},
{"mode":"data","type":"aws_s3_bucket","name":"other","instances":[{"attributes":{"id":"other"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	all := managedIn(s)
	if len(all) != 3 || !slices.Equal(all[0].Names, []string{"log", "arn:aws:s3:::log"}) || !slices.Equal(all[1].Of, []string{"log"}) || !slices.Equal(all[2].Of, []string{"arn:t"}) {
		t.Errorf("got %+v", all)
	}
	if managed := managedBy(map[string]*state.State{"pipeline": s}); !managed["log"] || managed["other"] {
		t.Errorf("managed are %v", managed)
	}
}
