package inventory

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Host is one machine as the output of its layer reports it. Everything in
// it comes from the cloud and is not to be trusted before New has checked it.
type Host struct {
	ID             string            `json:"id"`              // EC2 instance id
	Name           string            `json:"name"`            // "zookeeper-1"; unique in the environment
	Layer          string            `json:"layer"`           // the Terraform layer that made it
	Role           string            `json:"role"`            // its first role; a failover does not change it
	Number         int               `json:"number"`          // from 1, unique in its layer
	PrivateAddress string            `json:"private_address"` // in the VPC
	PublicAddress  string            `json:"public_address"`  // empty when it has none
	Zone           string            `json:"zone"`            // availability zone, "eu-west-1a"
	Volumes        map[string]string `json:"volumes"`         // purpose to EBS volume id
}

// IsBastion says whether the other hosts are reached through this one.
func (h Host) IsBastion() bool { return h.Role == "bastion" }

// Label names the host in messages: "zookeeper-1 (i-0123...)".
func (h Host) Label() string { return h.Name + " (" + h.ID + ")" }

// Decode reads the JSON value of `hosts`. Unknown members are
// ignored, so that an older infra reads a newer state; what it knows must
// have the right type.
func Decode(output []byte) ([]Host, error) {
	var hosts []Host
	if len(bytes.TrimSpace(output)) == 0 {
		return nil, nil
	}
	if err := json.Unmarshal(output, &hosts); err != nil {
		return nil, fmt.Errorf("the hosts output is not a list of hosts: %w", err)
	}
	return hosts, nil
}

// patterns are the shapes that strings from the cloud must have. They leave
// no room for a template, a shell word, an option or a control character.
type patterns struct {
	id, name, group, purpose, volume, zone *regexp.Regexp
}

func newPatterns() patterns {
	return patterns{
		id:      regexp.MustCompile(`^i-[0-9a-f]{8,17}$`),
		name:    regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`),
		group:   regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`),
		purpose: regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`),
		volume:  regexp.MustCompile(`^vol-[0-9a-f]{8,17}$`),
		zone:    regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]{1,20}){1,5}$`),
	}
}

// check refuses a host whose strings are not of the expected shape and puts
// its addresses into canonical form.
func (p patterns) check(h *Host) error {
	for _, part := range []struct {
		what, value string
		shape       *regexp.Regexp
	}{
		{"instance id", h.ID, p.id},
		{"name", h.Name, p.name},
		{"layer", h.Layer, p.group},
		{"role", h.Role, p.group},
		{"zone", h.Zone, p.zone},
	} {
		if !part.shape.MatchString(part.value) {
			return fmt.Errorf("%s %s is not of the form %s", part.what, show(part.value), part.shape)
		}
	}
	if h.Number < 1 {
		return fmt.Errorf("number %d is below 1", h.Number)
	}
	var err error
	if h.PrivateAddress, err = address(h.PrivateAddress); err != nil {
		return fmt.Errorf("private address: %w", err)
	}
	if h.PublicAddress != "" {
		if h.PublicAddress, err = address(h.PublicAddress); err != nil {
			return fmt.Errorf("public address: %w", err)
		}
	}
	for _, purpose := range sortedKeys(h.Volumes) {
		if !p.purpose.MatchString(purpose) {
			return fmt.Errorf("volume purpose %s is not of the form %s", show(purpose), p.purpose)
		}
		if id := h.Volumes[purpose]; !p.volume.MatchString(id) {
			return fmt.Errorf("volume id %s is not of the form %s", show(id), p.volume)
		}
	}
	return nil
}

// address parses an address that a host of another machine can have.
func address(text string) (string, error) {
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return "", fmt.Errorf("%s is not an IP address", show(text))
	}
	if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() {
		return "", fmt.Errorf("%s cannot be the address of a host", a)
	}
	return a.Unmap().String(), nil
}

// distinct refuses hosts that could be taken for one another.
func distinct(hosts []Host) error {
	seen := map[string]string{}
	for _, h := range hosts {
		keys := []string{
			"instance id " + h.ID,
			"name " + h.Name,
			"private address " + h.PrivateAddress,
			fmt.Sprintf("number %d in layer %s", h.Number, h.Layer),
		}
		if h.PublicAddress != "" {
			keys = append(keys, "public address "+h.PublicAddress)
		}
		for _, purpose := range sortedKeys(h.Volumes) {
			keys = append(keys, "volume "+h.Volumes[purpose])
		}
		for _, key := range keys {
			if other, taken := seen[key]; taken {
				return fmt.Errorf("%s belongs to both %s and %s", key, other, h.Label())
			}
			seen[key] = h.Label()
		}
	}
	return nil
}

// text refuses strings that could fool a reader or a terminal.
func text(value string) error {
	if !utf8.ValidString(value) {
		return errors.New("not UTF-8")
	}
	for _, r := range value {
		if r == '\n' || r == '\t' {
			continue
		}
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return fmt.Errorf("holds the control character %U", r)
		}
	}
	return nil
}

// show quotes an untrusted string for an error text, shortened and escaped.
func show(value string) string {
	const most = 60
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "..."
	}
	return fmt.Sprintf("%+q", value)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
