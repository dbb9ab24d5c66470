package run

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"infra/internal/fault"
)

func TestRunsNewestFirst(t *testing.T) {
	b := newBucket(t)
	day := time.Now().UTC()
	var ids []string
	for i := range 6 {
		ids = append(ids, day.AddDate(0, 0, -30*i).Format("20060102T150405Z")+fmt.Sprintf("-00000%d", i))
	}
	for _, id := range slices.Backward(ids) {
		finish(t, b.store(), id, Done)
	}
	planned := day.Add(time.Second).Format("20060102T150405Z") + "-ffffff"
	r := NewRecord(elsewhere(planned), "prod")
	r.Verb, r.Result, r.Bundle = "plan", Done, "digest"
	if err := b.store().PutPlan(t.Context(), planned, r); err != nil {
		t.Fatal(err)
	}
	acquire(t, b.store(), elsewhere("live"), Wait{})
	for _, n := range []int{1, 3, 100} {
		runs, err := b.store().Runs(t.Context(), n)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range runs {
			got = append(got, r.Run)
		}
		want := append([]string{"live", planned}, ids...)
		if want = want[:min(n, len(want))]; !slices.Equal(got, want) {
			t.Errorf("the newest %d are %v, want %v", n, got, want)
		}
	}
	var plan Record
	if err := b.store().GetPlan(t.Context(), planned, &plan); err != nil || plan.Bundle != "digest" {
		t.Errorf("plan %+v, %v", plan, err)
	}
	if found, err := b.store().Find(t.Context(), planned); err != nil || found.Verb != "plan" || found.Result != Done {
		t.Errorf("found %+v, %v", found, err)
	}
	err := b.store().GetPlan(t.Context(), "none", &plan)
	wants(t, err, fault.Refused, "no such run", "infra plan prod --out FILE")
	for _, id := range []string{"none", "../../leases/prod", ""} {
		_, err = b.store().Find(t.Context(), id)
		wants(t, err, fault.Usage, "no such run", "infra runs prod")
		if !errors.Is(err, ErrNoRecord) {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// The newest of the runs that began in one second is the one that began last,
// whatever its id ends with.
func TestNewestOfOneSecond(t *testing.T) {
	b := newBucket(t)
	stamp := time.Now().UTC().Format("20060102T150405Z")
	began := []string{stamp + "-333333", stamp + "-111111", stamp + "-222222"}
	for _, id := range began {
		finish(t, b.store(), id, Done)
	}
	slices.Reverse(began)
	for n := 1; n <= len(began); n++ {
		runs, err := b.store().Runs(t.Context(), n)
		if err != nil || len(runs) != n {
			t.Fatalf("the newest %d are %v, %v", n, runs, err)
		}
		for i, r := range runs {
			if r.Run != began[i] {
				t.Errorf("the newest %d: %d is %s, want %s", n, i, r.Run, began[i])
			}
		}
	}
}
