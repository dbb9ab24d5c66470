package guard_test

import (
	"testing"
	"time"

	"infra/internal/guard"
)

func TestRow28Clock(t *testing.T) {
	for _, c := range []struct {
		skew  time.Duration
		says  []string
		warns string
	}{
		{skew: 0},
		{skew: 29 * time.Second},
		{skew: -29 * time.Second},
		{skew: 45 * time.Second, warns: "clock is 45 s ahead of AWS"},
		{skew: -4 * time.Minute, warns: "clock is 4 min behind of AWS"},
		{skew: 5 * time.Minute, says: []string{"it is 5 min ahead of AWS, which refuses requests that are signed 5 min off"}},
		{skew: -26 * time.Hour, says: []string{"it is 26 h 0 min behind"}},
	} {
		t.Run("row 28: "+c.skew.String(), func(t *testing.T) {
			warning, err := guard.Clock(c.skew)
			check(t, err, c.says, "timedatectl")
			warns(t, warning, c.warns)
		})
	}
}

func TestRow34Space(t *testing.T) {
	check(t, guard.Space("/run dir", 512<<20, 512<<20), nil, "")
	check(t, guard.Space("/run dir", 3<<20, 512<<20), []string{"3 MiB are free, a run needs 512 MiB"}, "df -h '/run dir'")
}
