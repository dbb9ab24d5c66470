package emr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/guard"
)

func colours(active string, clusters ...string) Colours {
	return Colours{Schema: ColoursSchema, Colours: environment.Colours{Active: active, Clusters: clusters}}
}

func with(c Colours, m Move) *Colours {
	c.Move = &m
	return &c
}

func TestMeant(t *testing.T) {
	output := func(active string, of ...string) *Output {
		o := &Output{Active: active, Clusters: map[string]OutputCluster{}}
		for _, colour := range of {
			o.Clusters[colour] = OutputCluster{}
		}
		return o
	}
	recorded := colours("green", "blue", "green")
	for name, test := range map[string]struct {
		recorded *Colours
		output   *Output
		want     string
	}{
		"nothing yet":                       {nil, nil, "blue of [blue]"},
		"made before there was a record":    {nil, output("green", "green"), "green of [green]"},
		"two made before":                   {nil, output("green", "green", "blue"), "green of [blue green]"},
		"the record goes ahead":             {&recorded, output("blue", "blue"), "green of [blue green]"},
		"destroyed in between":              {&recorded, nil, "green of [green]"},
		"destroyed, move is over with that": {with(recorded, Move{From: "blue", To: "green", Step: Drain}), nil, "green of [green]"},
	} {
		got := Meant(test.recorded, test.output)
		if text := fmt.Sprintf("%s of %v", got.Active, got.Clusters); text != test.want || (test.output == nil && got.UnderWay()) {
			t.Errorf("%s: %s, want %s", name, text, test.want)
		}
	}
}

// TestWholeMove walks every step from every colour, and turns round at each.
func TestWholeMove(t *testing.T) {
	now := time.Now()
	walk := func(c Colours, turn Step) (trail []string) {
		for c.UnderWay() {
			if c.Move.Step == turn && !c.Move.Back {
				back, err := BeginRollback(c, "prod", "r2", now)
				if err != nil {
					return append(trail, "refused")
				}
				c, turn = back, ""
				continue
			}
			c.wish(c.Move.Step)
			trail = append(trail, fmt.Sprintf("%s:%s/%s", c.Move.Step, c.Active, strings.Join(c.Clusters, "+")))
			c.Move.Step = c.Move.next()
		}
		return trail
	}
	for turn, want := range map[Step]string{
		"":     "check:blue/blue create:blue/blue+green ready:blue/blue+green smoke:blue/blue+green flip:green/blue+green drain:green/blue+green watch:green/blue+green drop:green/green",
		Check:  "drop:blue/blue",
		Create: "check:blue/blue drop:blue/blue",
		Smoke:  "check:blue/blue create:blue/blue+green ready:blue/blue+green drop:blue/blue",
		Drain:  "check:blue/blue create:blue/blue+green ready:blue/blue+green smoke:blue/blue+green flip:green/blue+green ready:green/blue+green flip:blue/blue+green drain:blue/blue+green watch:blue/blue+green drop:blue/blue",
	} {
		c, err := BeginReplace(colours("blue", "blue"), "prod", "r1", now)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(walk(c, turn), " "); got != want {
			t.Errorf("turned at %q:\n%s\nwant\n%s", turn, got, want)
		}
	}
}

func TestBegin(t *testing.T) {
	over := Move{From: "blue", To: "green", Step: Over, Ended: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}
	half := Move{From: "blue", To: "green", Step: Watch, Run: "r1"}
	back := Move{From: "green", To: "blue", Step: Drain, Back: true, Run: "r1"}
	for name, test := range map[string]struct {
		begin func(Colours, string, string, time.Time) (Colours, error)
		from  *Colours
		want  string
	}{
		"first":                        {BeginReplace, with(colours("blue", "blue"), Move{Step: Over}), "blue>green check r2"},
		"again":                        {BeginReplace, with(colours("green", "green"), over), "green>blue check r2"},
		"goes on":                      {BeginReplace, with(colours("green", "blue", "green"), half), "blue>green watch r1"},
		"turns a rollback round":       {BeginReplace, with(colours("blue", "blue", "green"), back), "blue>green ready r2"},
		"rollback is about to end":     {BeginReplace, with(colours("blue", "blue"), Move{From: "green", To: "blue", Step: Drop, Back: true}), "infra emr rollback prod"},
		"back":                         {BeginRollback, with(colours("green", "blue", "green"), half), "green>blue ready r2"},
		"back goes on":                 {BeginRollback, with(colours("blue", "blue", "green"), back), "green>blue drain r1"},
		"back before the pointer":      {BeginRollback, with(colours("blue", "blue", "green"), Move{From: "blue", To: "green", Step: Smoke}), "green>blue drop r2"},
		"kept, then back":              {BeginRollback, with(colours("green", "blue", "green"), Move{From: "blue", To: "green", Step: Drop}), "green>blue ready r2"},
		"too late":                     {BeginRollback, with(colours("green", "green"), Move{From: "blue", To: "green", Step: Drop}), "infra emr replace prod, which goes on"},
		"nothing to go back to":        {BeginRollback, with(colours("green", "green"), over), "infra emr replace prod, which makes another"},
		"nothing was ever replaced":    {BeginRollback, ptr(colours("blue", "blue")), "infra emr replace prod"},
		"and can be, without a record": {BeginReplace, ptr(colours("blue", "blue")), "blue>green check r2"},
	} {
		c, err := test.begin(*test.from, "prod", "r2", time.Now())
		got := ""
		if err != nil {
			got = hintOf(t, err)
		} else {
			got = fmt.Sprintf("%s>%s %s %s", c.Move.From, c.Move.To, c.Move.Step, c.Move.Run)
		}
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// hintOf is the command that a refusal says to type.
func hintOf(t *testing.T, err error) string {
	t.Helper()
	if fault.CodeOf(err) != fault.Refused {
		t.Fatalf("it is no refusal: %v", err)
	}
	return fault.HintOf(err)
}

func TestPermitted(t *testing.T) {
	change := func(action guard.Action, address string) guard.Change {
		return guard.Change{Action: action, Address: address}
	}
	const cluster, alarm = `module.emr.aws_emr_cluster.this["%s"]`, `module.emr.aws_cloudwatch_metric_alarm.cluster["%s-hdfs"]`
	at := func(pattern, colour string) string { return fmt.Sprintf(pattern, colour) }
	for name, test := range map[string]struct {
		step   Step
		change guard.Change
		says   string // empty: it may
	}{
		"make the other":            {Create, change(guard.Create, at(cluster, "green")), ""},
		"protect it":                {Flip, change(guard.Update, at(cluster, "green")), ""},
		"replace the active one":    {Create, change(guard.Replace, at(cluster, "blue")), "end or replace a cluster in place"},
		"end the new one":           {Drop, change(guard.Delete, at(cluster, "green")), "end or replace a cluster in place"},
		"end the old one too early": {Flip, change(guard.Delete, at(cluster, "blue")), "end or replace a cluster in place"},
		"end the old one":           {Drop, change(guard.Delete, at(cluster, "blue")), ""},
		"its alarm":                 {Drop, change(guard.Delete, at(alarm, "blue")), ""},
		"another alarm":             {Drop, change(guard.Delete, at(alarm, "green")), "more than this step is for"},
		"the old one, replaced":     {Drop, change(guard.Replace, at(cluster, "blue")), "end or replace a cluster in place"},
		"the zone":                  {Flip, change(guard.Delete, "module.vpc.aws_route53_zone.private"), "more than this step is for"},
		"a word nobody knows":       {Flip, change("obliterate", "module.emr.aws_iam_role.node"), "more than this step is for"},
	} {
		err := permitted(&Move{From: "blue", To: "green", Step: test.step}, []guard.Change{test.change}, "prod")
		if (err == nil) != (test.says == "") || err != nil && (!strings.Contains(err.Error(), test.says) || hintOf(t, err) == "") {
			t.Errorf("%s: %v, want %q", name, err, test.says)
		}
	}
}

func TestInUse(t *testing.T) {
	if got := InUse(colours("green", "blue", "green"), &Output{Active: "blue"}); !slices.Equal(got, []string{"blue", "green"}) {
		t.Errorf("while the pointer moves both are in use: %v", got)
	}
}

func TestSoundRecord(t *testing.T) {
	for name, test := range map[string]struct {
		colours Colours
		sound   bool
	}{
		"as written":      {*with(colours("blue", "blue", "green"), Move{From: "blue", To: "green"}), true},
		"another schema":  {Colours{Colours: environment.Colours{Active: "blue", Clusters: []string{"blue"}}}, false},
		"no cluster":      {colours("blue"), false},
		"another colour":  {colours("blue", "red"), false},
		"from and to one": {*with(colours("blue", "blue"), Move{From: "blue", To: "blue"}), false},
	} {
		if err := test.colours.sound(); (err == nil) != test.sound {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInterruptedIsSaid(t *testing.T) {
	w := &Work{Records: Records{Environment: "prod"}}
	m := &Move{From: "blue", To: "green", Step: Drain}
	stopped, stop := context.WithCancelCause(t.Context())
	stop(fault.New(fault.Interrupted, "", errors.New("interrupted by SIGTERM"), ""))
	lost, lose := context.WithCancelCause(t.Context())
	lose(errors.New("the lease is lost"))
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		code fault.Code
		hint string
	}{
		"a wait":             {stopped, context.Canceled, fault.Interrupted, "infra emr replace prod"},
		"a question":         {stopped, fault.New(fault.Refused, "x", errors.New("canceled"), ""), fault.Interrupted, "infra emr replace prod"},
		"Terraform":          {stopped, fault.New(fault.StateNotSaved, "x", errors.New("y"), "z"), fault.StateNotSaved, "z"},
		"nobody interrupted": {t.Context(), fault.New(fault.Refused, "x", errors.New("y"), "z"), fault.Refused, "z"},
		"the lease is lost":  {lost, fault.New(fault.Failed, "x", errors.New("y"), "z"), fault.Failed, "z"},
	} {
		err := w.explain(test.ctx, m, test.err)
		if fault.CodeOf(err) != test.code || fault.HintOf(err) != test.hint {
			t.Errorf("%s: %v (%d)", name, err, fault.CodeOf(err))
		}
	}
}
