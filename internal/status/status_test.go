package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"infra/internal/emr"
	"infra/internal/inventory"
	"infra/internal/postgresql"
)

// exited is a remote command that failed.
type exited struct{ text string }

func (e exited) Error() string { return e.text }
func (e exited) ExitCode() int { return 2 }

// services answers what the report asks of AWS; with broken it refuses all.
func services(t *testing.T, broken bool) aws.Config {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if broken {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"not allowed"}`)
			return
		}
		_, action, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		answers := map[string]string{
			"DescribeCluster":    `{"Cluster":{"Id":"j-1","ReleaseLabel":"emr-7.13.0","MasterPublicDnsName":"ip-10-0-0-9","Status":{"State":"WAITING"}}}`,
			"ListInstanceGroups": `{"InstanceGroups":[{"InstanceGroupType":"MASTER","InstanceType":"m6i.xlarge","RunningInstanceCount":1,"RequestedInstanceCount":1,"Status":{"State":"RUNNING"}},{"InstanceGroupType":"CORE","InstanceType":"m6i.xlarge","RunningInstanceCount":2,"RequestedInstanceCount":2}]}`,
			"GetParameter":       `{"Parameter":{"Value":"{\"colour\":\"blue\",\"cluster_id\":\"j-1\"}"}}`,
			"DescribeAlarms":     `{"MetricAlarms":[{"AlarmName":"infra-test-emr-blue-yarn-memory","StateValue":"OK"},{"AlarmName":"infra-test-emr-blue-primary-memory","StateValue":"INSUFFICIENT_DATA"},{"AlarmName":"infra-test-emr-blue-hdfs","StateValue":"OK"}]}`,
			// EC2 has no target.
			"": `<DescribeAddressesResponse><addressesSet><item><publicIp>198.19.0.5</publicIp><instanceId>i-0aaaaaaaa</instanceId></item></addressesSet></DescribeAddressesResponse>`,
		}
		if action != "" {
			w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		}
		_, _ = io.WriteString(w, answers[action])
	}))
	t.Cleanup(server.Close)
	return aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client(), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}
}

func sources(t *testing.T, run Run, config aws.Config) Sources {
	t.Helper()
	host := func(id, name, layer, role string, number int, address string) inventory.Host {
		return inventory.Host{ID: id, Name: name, Layer: layer, Role: role, Number: number, PrivateAddress: address, Zone: "eu-west-1a"}
	}
	bastion := host("i-0dddddddd", "bastion", "vpc", "bastion", 1, "10.0.0.4")
	bastion.PublicAddress = "198.19.0.4"
	inv, err := inventory.New([]inventory.Host{
		bastion,
		host("i-0aaaaaaaa", "postgresql-1", "postgresql", "primary", 1, "10.0.1.1"),
		host("i-0bbbbbbbb", "postgresql-2", "postgresql", "standby", 2, "10.0.1.2"),
		host("i-0cccccccc", "postgresql-witness", "postgresql", "witness", 3, "10.0.1.3"),
		host("i-011111111", "zookeeper-1", "zookeeper", "server", 1, "10.0.2.1"),
		host("i-022222222", "zookeeper-2", "zookeeper", "server", 2, "10.0.2.2"),
		host("i-033333333", "zookeeper-3", "zookeeper", "server", 3, "10.0.2.3"),
	}, nil, inventory.Common{Environment: "test", Region: "eu-west-1", User: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	return Sources{
		Inventory: inv, Run: run, AWS: config, Limit: 30 * time.Second,
		PostgreSQL: &postgresql.Output{Engine: "postgresql", Address: "198.19.0.5", AllocationID: aws.String("eipalloc-1")},
		EMR:        &emr.Output{Active: "blue", PointerName: "emr.test.internal", Parameter: "/infra/test/emr/active", Clusters: map[string]emr.OutputCluster{"blue": {ID: "j-1", PrimaryDNS: "ip-10-0-0-9"}}},
	}
}

// answering runs commands on hosts that are well, but for those in broken.
func answering(broken map[string]error) Run {
	files := map[string]string{
		"postgresql-1": "postgresql/testdata/primary.json", "postgresql-2": "postgresql/testdata/standby.json", "postgresql-witness": "postgresql/testdata/witness.json",
		"zookeeper-1": "zookeeper/testdata/follower.admin.json", "zookeeper-2": "zookeeper/testdata/leader.admin.json", "zookeeper-3": "zookeeper/testdata/follower.admin.json",
	}
	return func(_ context.Context, h inventory.Host, _ io.Reader, argv ...string) ([]byte, error) {
		if err := broken[h.Name]; err != nil {
			return nil, err
		}
		if argv[0] == "true" {
			return nil, nil
		}
		data, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(files[h.Name])))
		// The ensemble that was asked ran on one machine.
		for _, n := range []string{"1", "2", "3"} {
			data = bytes.ReplaceAll(data, []byte("127.0.0.1:1288"+n), []byte("10.0.2."+n+":2888"))
		}
		return data, err
	}
}

func TestReports(t *testing.T) {
	gone := errors.New("zookeeper-3 (i-033333333) does not answer over SSH: timed out")
	refused := exited{"psql on postgresql-2 (i-0bbbbbbbb) exited with 2: connection refused\x1b[2J"}
	tests := []struct {
		file   string
		report func(t *testing.T) *Report
		state  string
	}{
		{"recorded", func(t *testing.T) *Report {
			return Recorded(sources(t, nil, aws.Config{}))
		}, NotProbed},
		{"healthy", func(t *testing.T) *Report {
			return Read(t.Context(), sources(t, answering(nil), services(t, false)))
		}, Healthy},
		{"degraded", func(t *testing.T) *Report {
			return Read(t.Context(), sources(t, answering(map[string]error{"zookeeper-3": gone, "postgresql-2": refused}), services(t, false)))
		}, Degraded},
		{"bastion", func(t *testing.T) *Report {
			broken := map[string]error{"bastion": errors.New("bastion (i-0dddddddd) does not answer over SSH: timed out")}
			return Read(t.Context(), sources(t, answering(broken), services(t, false)))
		}, Unknown},
		{"nothing", func(t *testing.T) *Report {
			return Read(t.Context(), sources(t, Unreachable(errors.New("no host keys")), services(t, true)))
		}, Unknown},
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			r := test.report(t)
			if r.State != test.state || r.Healthy() != (test.state == Healthy) || r.Probed != (test.state != NotProbed) {
				t.Errorf("state %q, healthy %v, probed %v", r.State, r.Healthy(), r.Probed)
			}
			var text bytes.Buffer
			if err := r.Text(&text); err != nil {
				t.Fatal(err)
			}
			document, err := json.MarshalIndent(r, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Contains(document, []byte(": null")) {
				t.Error("the document has a null")
			}
			compare(t, test.file+".txt", text.Bytes())
			if test.file == "healthy" {
				compare(t, test.file+".json", append(document, '\n'))
			}
		})
	}
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// TestDeadline proves that a host which never answers does not hold the
// report up.
func TestDeadline(t *testing.T) {
	run := func(ctx context.Context, h inventory.Host, in io.Reader, argv ...string) ([]byte, error) {
		if h.Name == "zookeeper-2" {
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}
		return answering(nil)(ctx, h, in, argv...)
	}
	s := sources(t, run, services(t, false))
	s.Limit = 200 * time.Millisecond
	r := Read(t.Context(), s)
	if r.State == Healthy || !slices.Contains(r.Zookeeper.Problems, "zookeeper-2: no answer within 200ms") {
		t.Errorf("%s: %q", r.State, r.Zookeeper.Problems)
	}
}
