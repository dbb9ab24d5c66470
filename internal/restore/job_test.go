package restore

import "testing"

func TestReason(t *testing.T) {
	for text, want := range map[string]string{
		"2026-11-28 17:45:18.100 P00   INFO: restore command begin 2.45\n" +
			"2026-11-28 17:45:18.200 P01  ERROR: [026]: error restoring '/var/lib/postgresql/15/main/base/1/1247': actual checksum 'a' does not match expected checksum 'b'\n" +
			"2026-11-28 17:45:18.267 P00 DETAIL: statistics: {}\n2026-11-28 17:45:18.267 P00   INFO: restore command end: aborted with exception [026]\n": "[026]: error restoring '/var/lib/postgresql/15/main/base/1/1247': actual checksum 'a' does not match expected checksum 'b'",
		"one\ntwo\n\nthree\nfour\n": "two; three; four",
		"":                          "",
	} {
		if got := reason(text); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
