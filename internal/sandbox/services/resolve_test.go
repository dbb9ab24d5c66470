package services

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"infra/internal/sandbox/emulator"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	snapshot := world()
	inside, stranger, outside := snapshot.VPCs[0], snapshot.VPCs[1], emulator.VPC{Region: "eu-west-1"}
	const front = "169.254.169.250"
	tests := []struct {
		name string
		from emulator.VPC
		ask  string
		kind uint16
		code int
		want []string // "TYPE value" of every answer
	}{
		{"zone record", inside, "zookeeper-1.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.10"}},
		{"any case", inside, "ZooKeeper-1.Sandbox.Internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.10"}},
		{"several values", inside, "primary.postgresql.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.30", "A 10.20.1.31"}},
		{"other type of a name", inside, "zookeeper-1.sandbox.internal.", dns.TypeAAAA, dns.RcodeSuccess, nil},
		{"name with names below", inside, "postgresql.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, nil},
		{"no such name", inside, "nothing.sandbox.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"zone of another VPC", inside, "db.secret.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"own zone of the other VPC", stranger, "db.secret.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.30.1.10"}},
		{"zone from outside", outside, "zookeeper-1.sandbox.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"longest zone only", inside, "zookeeper-1.deep.sandbox.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"longest zone", inside, "x.deep.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.50"}},
		{"alias", inside, "emr.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, []string{"CNAME zookeeper-1.sandbox.internal.", "A 10.20.1.10"}},
		{"alias itself", inside, "emr.sandbox.internal.", dns.TypeCNAME, dns.RcodeSuccess, []string{"CNAME zookeeper-1.sandbox.internal."}},
		{"alias out of the zone", inside, "out.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, []string{"CNAME s3.eu-west-1.amazonaws.com.", "A " + front}},
		{"alias to nothing", inside, "broken.sandbox.internal.", dns.TypeA, dns.RcodeNameError, []string{"CNAME nothing.sandbox.internal."}},
		{"alias of itself", inside, "loop.sandbox.internal.", dns.TypeA, dns.RcodeServerFailure, nil},
		{"wildcard", inside, "a.b.apps.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.99"}},
		{"no wildcard there", inside, "a.postgresql.sandbox.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"text", inside, "text.sandbox.internal.", dns.TypeTXT, dns.RcodeSuccess, []string{`TXT "v=1 two" "three"`}},
		{"mail at the top", inside, "sandbox.internal.", dns.TypeMX, dns.RcodeSuccess, []string{"MX 10 mail.sandbox.internal."}},
		{"a bad value among good ones", inside, "bad.sandbox.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.7"}},
		{"instance", inside, "ip-10-20-1-10.eu-west-1.compute.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.10"}},
		{"instance by id", inside, "i-0aaa.eu-west-1.compute.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.10"}},
		{"second address", inside, "ip-10-20-1-11.eu-west-1.compute.internal.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.11"}},
		{"terminated instance", inside, "ip-10-20-1-20.eu-west-1.compute.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"instance of another region", inside, "ip-10-20-1-10.us-east-1.compute.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"instance of another VPC", stranger, "ip-10-20-1-10.eu-west-1.compute.internal.", dns.TypeA, dns.RcodeNameError, nil},
		{"reverse", inside, "10.1.20.10.in-addr.arpa.", dns.TypePTR, dns.RcodeSuccess, []string{"PTR ip-10-20-1-10.eu-west-1.compute.internal."}},
		{"reverse of nobody", inside, "99.1.20.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, nil},
		{"reverse in another VPC", stranger, "10.1.20.10.in-addr.arpa.", dns.TypePTR, dns.RcodeNameError, nil},
		{"AWS", inside, "ec2.eu-west-1.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"A " + front}},
		{"AWS by IPv6", inside, "ec2.eu-west-1.amazonaws.com.", dns.TypeAAAA, dns.RcodeSuccess, nil},
		{"bucket", outside, "my.bucket.s3.eu-west-1.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"A " + front}},
		{"public name inside", inside, "ec2-198-19-0-5.eu-west-1.compute.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"A 10.20.1.10"}},
		{"public name outside", outside, "ec2-198-19-0-5.eu-west-1.compute.amazonaws.com.", dns.TypeA, dns.RcodeSuccess, []string{"A 198.19.0.5"}},
		{"the world", inside, "deb.debian.org.", dns.TypeA, dns.RcodeNameError, nil},
		{"not quite AWS", inside, "evilamazonaws.com.", dns.TypeA, dns.RcodeNameError, nil},
		{"the root", inside, ".", dns.TypeA, dns.RcodeNameError, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			view := View{Snapshot: snapshot, VPC: test.from, Front: netip.MustParseAddr(front)}
			got := Resolve(view, dns.Question{Name: test.ask, Qtype: test.kind, Qclass: dns.ClassINET})
			if got.Code != test.code {
				t.Errorf("code %s, want %s", dns.RcodeToString[got.Code], dns.RcodeToString[test.code])
			}
			var records []string
			for _, record := range got.Records {
				value := strings.TrimPrefix(record.String(), record.Header().String())
				records = append(records, dns.TypeToString[record.Header().Rrtype]+" "+value)
			}
			if strings.Join(records, "|") != strings.Join(test.want, "|") {
				t.Errorf("records %q, want %q", records, test.want)
			}
			if len(got.Records) > 0 && got.Records[0].Header().Name != test.ask {
				t.Errorf("answer is for %q", got.Records[0].Header().Name)
			}
		})
	}
}

func TestResolveDeniesWithTheZonesAuthority(t *testing.T) {
	t.Parallel()
	snapshot := world()
	got := Resolve(View{Snapshot: snapshot, VPC: snapshot.VPCs[0]},
		dns.Question{Name: "nothing.sandbox.internal.", Qtype: dns.TypeA, Qclass: dns.ClassINET})
	if len(got.Authority) != 1 || got.Authority[0].Header().Name != "sandbox.internal." {
		t.Errorf("authority %v, want the SOA of sandbox.internal", got.Authority)
	}
}
