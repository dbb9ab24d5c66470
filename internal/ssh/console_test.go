package ssh

import (
	"slices"
	"strings"
	"testing"
)

const (
	keyED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGRlZmdoaWprbG1ub3BxcnN0dXZ3eHl6e3x9fn+AgYKD"
	keyOther   = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
	keyECDSA   = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
)

func TestParseConsole(t *testing.T) {
	block := func(lines ...string) string {
		return consoleBegin + "\n" + strings.Join(lines, "\n") + "\n" + consoleEnd + "\n"
	}
	tests := []struct {
		name, console string
		want          []string
	}{
		{"empty", "", nil},
		{"still booting", "[    0.000000] Linux version 6.1.0\n" + consoleBegin + "\n" + keyED25519 + "\n", nil},
		{
			"as cloud-init prints it", "Debian GNU/Linux 12 ip-10-0-0-1 ttyS0\r\n\r\nip-10-0-0-1 login: ci-info: no authorized SSH keys fingerprints found for user admin.\r\n" +
				"<14>Nov 22 09:00:00 cloud-init: #############################################################\r\n" +
				consoleBegin + "\r\n" + keyECDSA + " root@ip-10-0-0-1\r\n" + keyED25519 + " root@ip-10-0-0-1\r\n" + consoleEnd + "\r\n[   21.5] cloud-init[812]: finished\r\n",
			[]string{keyECDSA, keyED25519},
		},
		{"prefixed by a logger", block("[   12.345678] cloud-init[500]: " + keyED25519 + " root@x"), []string{keyED25519}},
		{"a kernel message breaks a key", block(keyED25519[:50]+"[   12.3] eth0: link up", keyED25519[50:], keyECDSA), []string{keyECDSA}},
		{"a truncated key", block(keyECDSA[:100], keyED25519), []string{keyED25519}},
		{"two boots: the later block", block(keyED25519) + block(keyOther), []string{keyOther}},
		{"a later block still being written", block(keyED25519) + consoleBegin + "\n" + keyOther[:40], []string{keyED25519}},
		{"an end without a begin", keyED25519 + "\n" + consoleEnd, nil},
		{"unknown and obsolete kinds", block("ssh-dss AAAAB3NzaC1kc3M=", "ssh-ed25519-cert-v01@openssh.com AAAA"), nil},
		{"another type inside", block("ssh-rsa " + strings.Fields(keyED25519)[1]), nil},
		{"the same key twice", block(keyED25519, keyED25519), []string{keyED25519}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := parseConsole(test.console); !slices.Equal(got, test.want) {
				t.Errorf("got %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestKnownHosts(t *testing.T) {
	keys := Keys{"i-0bbbbbbbb": {keyED25519}, "i-0aaaaaaaa": {keyECDSA, keyED25519}}
	want := "i-0aaaaaaaa " + keyECDSA + "\ni-0aaaaaaaa " + keyED25519 + "\ni-0bbbbbbbb " + keyED25519 + "\n"
	if got := keys.knownHosts(); got != want {
		t.Errorf("got %q", got)
	}
}
