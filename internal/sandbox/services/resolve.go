package services

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"infra/internal/sandbox/emulator"
)

// TTLs, in seconds: of names that the name server makes itself, and of
// denials. Both are short because instances and zones come and go.
const (
	builtinTTL  = 60
	negativeTTL = 5
	// maxChain ends a loop of aliases.
	maxChain = 8
)

// View is what one caller sees of the world.
type View struct {
	Snapshot emulator.Snapshot
	// VPC of the caller; empty for a caller outside of every VPC, which sees
	// no private name.
	VPC emulator.VPC
	// Front is the address of every *.amazonaws.com name.
	Front netip.Addr
}

// Answer is a response code, the records that answer, and for a denial by a
// zone its SOA record.
type Answer struct {
	Code      int
	Records   []dns.RR
	Authority []dns.RR
}

// Resolve answers one question as a VPC's name server does: private zones
// first, the one with the longest name being the only authority for what is
// below it; then names of instances and of AWS; nothing else exists. Aliases
// are followed.
func Resolve(view View, question dns.Question) Answer {
	var records []dns.RR
	name := question.Name
	for range maxChain {
		answer := view.lookup(name, question.Qtype)
		records = append(records, answer.Records...)
		next, alias := aliasOf(answer.Records)
		if !alias || question.Qtype == dns.TypeCNAME || question.Qtype == dns.TypeANY {
			if len(records) > len(answer.Records) && answer.Code == dns.RcodeNameError {
				// The alias exists, what it names does not: RFC 6604.
				return Answer{Code: dns.RcodeNameError, Records: records, Authority: answer.Authority}
			}
			return Answer{Code: answer.Code, Records: records, Authority: answer.Authority}
		}
		name = next
	}
	return Answer{Code: dns.RcodeServerFailure}
}

func aliasOf(records []dns.RR) (string, bool) {
	if len(records) != 1 {
		return "", false
	}
	alias, found := records[0].(*dns.CNAME)
	if !found {
		return "", false
	}
	return alias.Target, true
}

func (v View) lookup(name string, kind uint16) Answer {
	if zone, found := v.zoneOf(name); found {
		return zoneAnswer(zone, name, kind)
	}
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	if strings.HasSuffix(lower, ".in-addr.arpa") {
		return v.reverse(name, lower, kind)
	}
	address, found := v.builtin(lower)
	if !found {
		return Answer{Code: dns.RcodeNameError}
	}
	if kind != dns.TypeA && kind != dns.TypeANY {
		return Answer{Code: dns.RcodeSuccess}
	}
	return Answer{Records: []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: builtinTTL}, A: address.AsSlice(),
	}}}
}

// builtin gives the address of an instance's private or public name, and the
// front's for AWS itself.
func (v View) builtin(name string) (netip.Addr, bool) {
	private := "." + v.VPC.Region + ".compute.internal"
	if v.VPC.Region == "us-east-1" {
		private = ".ec2.internal"
	}
	if label, found := strings.CutSuffix(name, private); found {
		return v.instanceNamed(label)
	}
	if !strings.HasSuffix(name, ".amazonaws.com") {
		return netip.Addr{}, false
	}
	for _, public := range v.Snapshot.PublicAddresses {
		if publicName(public.Address, v.VPC.Region) != name {
			continue
		}
		// Inside the VPC a public name is the private address, elsewhere
		// the public one.
		text := public.Address
		if public.VPC == v.VPC.ID && public.PrivateAddress != "" {
			text = public.PrivateAddress
		}
		address, err := netip.ParseAddr(text)
		return address, err == nil
	}
	return v.Front, true
}

// instanceNamed finds a live instance of the caller's VPC by its first label,
// ip-10-20-1-10 or i-0123456789abcdef0.
func (v View) instanceNamed(label string) (netip.Addr, bool) {
	for _, instance := range v.live() {
		if instance.ID == label {
			address, err := netip.ParseAddr(instance.PrimaryAddress)
			return address, err == nil
		}
		for _, text := range instance.PrivateAddresses {
			if "ip-"+strings.ReplaceAll(text, ".", "-") == label {
				address, err := netip.ParseAddr(text)
				return address, err == nil
			}
		}
	}
	return netip.Addr{}, false
}

func (v View) reverse(name, lower string, kind uint16) Answer {
	labels := strings.Split(strings.TrimSuffix(lower, ".in-addr.arpa"), ".")
	slices.Reverse(labels)
	text := strings.Join(labels, ".")
	for _, instance := range v.live() {
		if !slices.Contains(instance.PrivateAddresses, text) {
			continue
		}
		if kind != dns.TypePTR && kind != dns.TypeANY {
			return Answer{Code: dns.RcodeSuccess}
		}
		return Answer{Records: []dns.RR{&dns.PTR{
			Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: builtinTTL},
			Ptr: dns.Fqdn(hostName(text, v.VPC.Region)),
		}}}
	}
	return Answer{Code: dns.RcodeNameError}
}

// live are the instances of the caller's VPC that hold their addresses.
func (v View) live() []emulator.Instance {
	var live []emulator.Instance
	for _, instance := range v.Snapshot.Instances {
		if v.VPC.ID != "" && instance.VPC == v.VPC.ID && instance.State != emulator.Terminated {
			live = append(live, instance)
		}
	}
	return live
}

// zoneOf is the zone of the caller's VPC with the longest name that holds name.
func (v View) zoneOf(name string) (emulator.DNSZone, bool) {
	var best emulator.DNSZone
	for _, zone := range v.Snapshot.DNSZones {
		if v.VPC.ID != "" && slices.Contains(zone.VPCs, v.VPC.ID) &&
			dns.IsSubDomain(dns.Fqdn(zone.Name), name) && len(zone.Name) > len(best.Name) {
			best = zone
		}
	}
	return best, best.Name != ""
}

// zoneAnswer answers from the records of one zone. A name exists when it or
// one below it has records; a wildcard stands in for names that do not exist.
func zoneAnswer(zone emulator.DNSZone, name string, kind uint16) Answer {
	sets, exists := setsAt(zone, name)
	if !exists {
		sets, exists = wildcardAt(zone, name)
	}
	answer := Answer{Code: dns.RcodeNameError, Authority: []dns.RR{denial(zone)}}
	if exists {
		answer.Code = dns.RcodeSuccess
	}
	for _, set := range sets {
		if set.Type == dns.TypeToString[kind] || set.Type == "CNAME" || kind == dns.TypeANY {
			answer.Records = append(answer.Records, recordsOf(set, name)...)
		}
	}
	if len(answer.Records) > 0 {
		answer.Authority = nil
	}
	return answer
}

// setsAt are the record sets with exactly this name, and whether it exists.
func setsAt(zone emulator.DNSZone, name string) (sets []emulator.DNSRecord, exists bool) {
	for _, set := range zone.Records {
		owner := ownerOf(set)
		if strings.EqualFold(owner, name) {
			sets = append(sets, set)
		}
		exists = exists || dns.IsSubDomain(name, owner)
	}
	return sets, exists
}

// wildcardAt are the record sets of the wildcard at the closest ancestor of
// name that exists.
func wildcardAt(zone emulator.DNSZone, name string) ([]emulator.DNSRecord, bool) {
	for {
		next, end := dns.NextLabel(name, 0)
		if end || !dns.IsSubDomain(dns.Fqdn(zone.Name), name[next:]) {
			return nil, false
		}
		name = name[next:]
		if sets, exists := setsAt(zone, "*."+name); exists {
			return sets, true
		}
		if _, exists := setsAt(zone, name); exists {
			return nil, false
		}
	}
}

// ownerOf is a set's name with its final dot; Route 53 writes the asterisk of
// a wildcard in octal.
func ownerOf(set emulator.DNSRecord) string {
	return dns.Fqdn(strings.Replace(set.Name, `\052`, "*", 1))
}

// recordsOf are a set's records under the name that was asked for. A value
// that is no record of its type is left out: Route 53 would not have taken it.
func recordsOf(set emulator.DNSRecord, name string) []dns.RR {
	records := make([]dns.RR, 0, len(set.Values))
	for _, value := range set.Values {
		record, err := dns.NewRR(fmt.Sprintf(". %d IN %s %s", set.TTL, set.Type, absolute(set.Type, value)))
		if err != nil || record == nil {
			continue
		}
		record.Header().Name = name
		records = append(records, record)
	}
	return records
}

// absolute gives names in values their final dot: Route 53 takes them without.
func absolute(kind, value string) string {
	switch kind {
	case "CNAME", "PTR", "NS", "MX", "SRV":
		return dns.Fqdn(value)
	default:
		return value
	}
}

// denial is the zone's SOA record, for negative answers.
func denial(zone emulator.DNSZone) dns.RR {
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: dns.Fqdn(zone.Name), Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: negativeTTL},
		Ns:  "ns-0.awsdns-00.com.", Mbox: "awsdns-hostmaster.amazon.com.",
		Serial: 1, Refresh: 7200, Retry: 900, Expire: 1209600, Minttl: negativeTTL,
	}
}
