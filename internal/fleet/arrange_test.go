package fleet_test

import (
	"fmt"
	"strings"
	"testing"

	"infra/internal/fleet"
)

// named are environments a, b, c ...
func named(n int) []fleet.Environment {
	all := make([]fleet.Environment, n)
	for i := range all {
		all[i].Name = string(rune('a' + i))
	}
	return all
}

func TestArrange(t *testing.T) {
	for _, c := range []struct {
		name  string
		n     int
		order fleet.Order
		want  string // name and wave
		may   int
	}{
		{"all at once", 3, fleet.Order{}, "a1 b1 c1", 0},
		{"so many in each wave", 5, fleet.Order{Wave: 2}, "a1 b1 c2 d2 e3", 0},
		{"percentages are of all so far", 10, fleet.Order{Waves: []string{"10%", "50%", "100%"}}, "a1 b2 c2 d2 e2 f3 g3 h3 i3 j3", 0},
		{"what is left is a wave of its own", 4, fleet.Order{Waves: []string{"25%"}}, "a1 b2 c2 d2", 0},
		{"numbers", 4, fleet.Order{Waves: []string{"1", "3"}}, "a1 b2 c2 d3", 0},
		{"a part of one is one", 4, fleet.Order{Waves: []string{"10%", "100%"}}, "a1 b2 c2 d2", 0},
		{"the same twice is one wave", 4, fleet.Order{Waves: []string{"1", "10%", "100%"}}, "a1 b2 c2 d2", 0},
		{"more than there are", 2, fleet.Order{Waves: []string{"1", "9"}}, "a1 b2", 0},
		{"a canary by number", 4, fleet.Order{Canary: []string{"1"}, Wave: 2}, "a0 b1 c1 d2", 0},
		{"canaries by name go first", 4, fleet.Order{Canary: []string{"d", "b"}, Waves: []string{"50%", "100%"}}, "d0 b0 a1 c2", 0},
		{"nothing but canaries", 2, fleet.Order{Canary: []string{"2"}}, "a0 b0", 0},
		{"failures by number", 3, fleet.Order{MaxFailures: "2"}, "a1 b1 c1", 2},
		{"failures by percent, rounded down", 9, fleet.Order{MaxFailures: "25%", Wave: 9}, "a1 b1 c1 d1 e1 f1 g1 h1 i1", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := named(c.n)
			may, err := fleet.Arrange(all, c.order)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, e := range all {
				got = append(got, fmt.Sprint(e.Name, e.Wave))
				if e.State != fleet.Waiting {
					t.Errorf("%s is %s", e.Name, e.State)
				}
			}
			if strings.Join(got, " ") != c.want || may != c.may {
				t.Errorf("%s, %d may fail; want %s, %d", strings.Join(got, " "), may, c.want, c.may)
			}
		})
	}
}

func TestArrangeRefuses(t *testing.T) {
	for _, c := range []struct {
		order fleet.Order
		want  string
	}{
		{fleet.Order{Canary: []string{"z"}}, "z is not in the selection"},
		{fleet.Order{Canary: []string{"a", "a"}}, "named twice"},
		{fleet.Order{Canary: []string{"9"}}, "9 of 4"},
		{fleet.Order{Waves: []string{"half"}}, "neither a number nor a percentage"},
		{fleet.Order{Waves: []string{"110%"}}, "more than all"},
		{fleet.Order{Waves: []string{"50%", "1"}}, "less than what has gone before"},
		{fleet.Order{Wave: -1}, "at least one"},
		{fleet.Order{MaxFailures: "-1"}, "neither a number nor a percentage"},
	} {
		if _, err := fleet.Arrange(named(4), c.order); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.order, err, c.want)
		}
	}
}
