package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"infra/internal/environment"
)

// platform are the settings of a shipped environment.
func platform(t *testing.T, name string) environment.Pipeline {
	t.Helper()
	env, err := environment.Load("../..", name)
	if err != nil {
		t.Fatal(err)
	}
	return env.Pipeline()
}

func TestNeeds(t *testing.T) {
	acme := needsOf(platform(t, "acme")) // by SSM, a private address, a gateway in each zone
	want := needs{Addresses: 3, Gateways: 3, VolumesGB: 3*30 + 2*100, Machines: []machines{
		{"t3.small", 3, 3, true}, {"m6i.large", 2, 2, false}, {"t3.micro", 1, 1, false}, {"m6i.xlarge", 1, 1, false}, {"m6i.xlarge", 2, 10, false},
	}}
	if !reflect.DeepEqual(acme, want) {
		t.Errorf("acme needs %+v, want %+v", acme, want)
	}
	sandbox := needsOf(platform(t, "sandbox")) // a bastion, an elastic address for the database, one gateway
	if sandbox.Addresses != 3 || sandbox.Gateways != 1 || sandbox.Machines[0] != (machines{"t3.micro", 1, 1, false}) {
		t.Errorf("sandbox needs %+v", sandbox)
	}
	managed := platform(t, "sandbox")
	managed.PostgreSQL.Engine, managed.VPC.NAT = "rds", "none"
	if n := needsOf(managed); n.Addresses != 1 || n.Gateways != 0 || len(n.Machines) != 4 {
		t.Errorf("with RDS and no way out it needs %+v", n)
	}
}

func TestFamily(t *testing.T) {
	for name, quota := range map[string]string{
		"m6i.large": "L-1216C47A", "t3.micro": "L-1216C47A", "r7gd.2xlarge": "L-1216C47A", "im4gn.large": "L-1216C47A", "g5.xlarge": "L-DB2E81BA",
		"p4d.24xlarge": "L-417A185B", "x2idn.16xlarge": "L-7295265B", "f1.2xlarge": "L-74FC7D96", "u-6tb1.metal": "", "mac2.metal": "", "": "",
	} {
		if f, known := familyOf(name); f.quota != quota || known != (quota != "") {
			t.Errorf("%s counts for %q (%v), want %q", name, f.quota, known, quota)
		}
	}
}

func TestQuota(t *testing.T) {
	q := quota{what: "vCPUs", service: "ec2", code: "L-1", used: 10, wanted: 20, most: 60}
	for allowed, want := range map[int]Result{29: Bad, 30: Warning, 69: Warning, 70: Good} {
		f := q.judge(allowed)
		if f.Result != want || (f.Mend == "") != (want == Good) {
			t.Errorf("of %d: %+v, want %s", allowed, f, want)
		}
	}
	if f := q.judge(5); !strings.HasSuffix(f.Mend, "--service-code ec2 --quota-code L-1 --desired-value 30") {
		t.Errorf("it says %q", f.Mend)
	}
}

func TestCPUs(t *testing.T) {
	quotas, odd := cpuQuotas(
		[]machines{{"m6i.large", 2, 2, false}, {"t3.small", 3, 3, true}, {"m6i.xlarge", 2, 10, false}, {"g5.xlarge", 1, 1, false}, {"mac2.metal", 1, 1, false}},
		map[string]int{"m6i.xlarge": 4, "p4d.24xlarge": 9},
		map[string]int{"m6i.large": 2, "t3.small": 2, "m6i.xlarge": 4, "g5.xlarge": 4, "p4d.24xlarge": 96})
	want := []quota{
		{what: "on-demand vCPUs, standard", service: "ec2", code: "L-1216C47A", used: 16, wanted: 18, most: 50},
		{what: "on-demand vCPUs, G and VT", service: "ec2", code: "L-DB2E81BA", wanted: 4, most: 4},
	}
	if !reflect.DeepEqual(quotas, want) || !slices.Equal(odd, []string{"mac2.metal"}) {
		t.Errorf("quotas %+v, odd %v; want %+v", quotas, odd, want)
	}
}

func TestNotOffered(t *testing.T) {
	zones := []string{"a", "b", "c"}
	offered := map[string][]string{"everywhere": zones, "some": {"b"}}
	for _, c := range []struct {
		all  []machines
		want string
	}{
		{[]machines{{"everywhere", 3, 3, true}, {"some", 1, 1, false}}, ""},
		{[]machines{{"some", 3, 3, true}, {"some", 3, 3, true}}, "some is not offered in a, c"},
		{[]machines{{"nowhere", 1, 1, false}}, "nowhere is not offered in a, b, c"},
	} {
		if got := strings.Join(notOffered(c.all, zones, offered), "; "); got != c.want {
			t.Errorf("%v: %q, want %q", c.all, got, c.want)
		}
	}
}

func TestBehind(t *testing.T) {
	for want, r := range map[string]types.Route{
		"tgw-1": {TransitGatewayId: aws.String("tgw-1")}, "pcx-1": {VpcPeeringConnectionId: aws.String("pcx-1")}, "vgw-1": {GatewayId: aws.String("vgw-1")},
		"": {GatewayId: aws.String("igw-1")},
	} {
		if got := behind(r); got != want {
			t.Errorf("%+v leads behind %q, want %q", r, got, want)
		}
	}
	if got := behind(types.Route{GatewayId: aws.String("local")}); got != "" {
		t.Errorf("the network itself is behind %q", got)
	}
}

func TestAnswers(t *testing.T) {
	said := func(code string) error {
		return fmt.Errorf("operation error EC2: %w", &smithy.GenericAPIError{Code: code, Message: "because"})
	}
	for code, denied := range map[string]bool{"AccessDenied": true, "AccessDeniedException": true, "UnauthorizedOperation": true, "Throttling": false} {
		if isDenied(said(code)) != denied {
			t.Errorf("%s counts as a denial: %v", code, !denied)
		}
	}
	if err := dryRun(said("DryRunOperation")); err != nil {
		t.Errorf("what would have been done is an error: %v", err)
	}
	if err := dryRun(said("UnauthorizedOperation")); !isDenied(err) {
		t.Errorf("a denied dry run: %v", err)
	}
	if dryRun(nil) == nil {
		t.Error("what was done although it was to be tried only is fine")
	}
	if f := unknown("x", said("Throttling"))[0]; f.Result != Warning || f.Detail != "not known: Throttling: because" {
		t.Errorf("what was not answered: %+v", f)
	}
	if text := gist(errors.Join(context.DeadlineExceeded)); text != "no answer in time" {
		t.Errorf("it says %q", text)
	}
}

func TestReach(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler()) // any answer shows that there is a way
	defer server.Close()
	there := Place{"there", server.URL}
	if f := reach(t.Context(), []Place{there})[0]; f.Result != Good || !strings.Contains(f.Detail, "there") {
		t.Errorf("%+v", f)
	}
	f := reach(t.Context(), []Place{there, {"nowhere", "http://127.0.0.1:1"}})[0]
	if f.Result != Bad || !strings.Contains(f.Detail, "nowhere") || strings.Contains(f.Detail, "there (") {
		t.Errorf("%+v", f)
	}
}
