package report

import (
	"strings"
	"testing"

	"infra/internal/restore"
)

func TestVerifyPage(t *testing.T) {
	rto := 42.0
	r := restore.Report{Environment: "prod", Backup: "20261122-155557F", RTOSeconds: &rto, Checks: []restore.Check{{Name: "checksums", Detail: "page 7 <is> damaged"}}}
	text := render(t, VerifyPage(&r))
	for _, want := range []string{"Verified restore of prod", "Failed: checksums: page 7 &lt;is&gt; damaged", "42.0 s", "not measured", `<td class="bad">failed</td>`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	r.Passed, r.Checks[0].Passed = true, true
	if text := render(t, VerifyPage(&r)); !strings.Contains(text, `<p class="verdict good">`) {
		t.Error("a passed verification looks like a failed one")
	}
}
