package ssh

import (
	"encoding/base64"
	"encoding/binary"
	"regexp"
	"slices"
	"strings"
)

// Keys are the trusted public host keys: instance id to keys in the form
// "ssh-ed25519 AAAA...", sorted.
type Keys map[string][]string

// knownHosts is Keys as a known_hosts file, in a fixed order.
func (k Keys) knownHosts() string {
	ids := make([]string, 0, len(k))
	for id := range k {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	var b strings.Builder
	for _, id := range ids {
		for _, key := range k[id] {
			b.WriteString(id + " " + key + "\n")
		}
	}
	return b.String()
}

// The lines around the host keys that cloud-init prints on the console at an
// instance's first boot.
const (
	consoleBegin = "-----BEGIN SSH HOST KEY KEYS-----"
	consoleEnd   = "-----END SSH HOST KEY KEYS-----"
)

// parseConsole is the last complete block of host keys in a console's text,
// or nothing when there is none yet. Kernel messages may stand in between or
// in front of a key; a key that such a message broke in two is left out,
// because its encoding no longer adds up.
func parseConsole(console string) []string {
	end := strings.LastIndex(console, consoleEnd)
	if end < 0 {
		return nil
	}
	begin := strings.LastIndex(console[:end], consoleBegin)
	if begin < 0 {
		return nil
	}
	block := console[begin+len(consoleBegin) : end]
	shape := regexp.MustCompile(`(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)) ([A-Za-z0-9+/]+={0,2})`)
	var keys []string
	for _, line := range strings.FieldsFunc(block, func(r rune) bool { return r == '\n' || r == '\r' }) {
		found := shape.FindStringSubmatch(line)
		if len(found) != 3 || !wellFormed(found[1], found[2]) {
			continue
		}
		keys = append(keys, found[1]+" "+found[2])
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// wellFormed says whether a public key's fields fill its encoding exactly and
// begin with its type (RFC 4253, 6.6; RFC 5656, 3.1; RFC 8709, 4).
func wellFormed(kind, encoded string) bool {
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return false
	}
	var fields [][]byte
	for len(blob) > 0 {
		if len(blob) < 4 {
			return false
		}
		size := binary.BigEndian.Uint32(blob)
		blob = blob[4:]
		if uint64(size) > uint64(len(blob)) {
			return false
		}
		fields = append(fields, blob[:size])
		blob = blob[size:]
	}
	if len(fields) == 0 || string(fields[0]) != kind {
		return false
	}
	if kind == "ssh-ed25519" {
		return len(fields) == 2 && len(fields[1]) == 32
	}
	return len(fields) == 3 && len(fields[1]) > 0 && len(fields[2]) > 0
}
