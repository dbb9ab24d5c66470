package orphan

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// region is in the signature of a request: .../20261129/eu-west-1/ec2/aws4_request.
var region = regexp.MustCompile(`/([a-z]+-[a-z]+-[0-9])/ec2/`)

// twoRegions answers EC2's questions: in each region another instance has
// ended, and another endpoint was deleted. asked are the questions.
func twoRegions(t *testing.T) (config aws.Config, asked func() []string) {
	t.Helper()
	var (
		guard sync.Mutex
		all   []string
	)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		where := region.FindStringSubmatch(r.Header.Get("Authorization"))[1]
		action := r.FormValue("Action")
		guard.Lock()
		all = append(all, action+" in "+where)
		guard.Unlock()
		state := map[bool]string{true: "running", false: "terminated"}
		home := where == "eu-west-1"
		switch action {
		case "DescribeInstances":
			if r.FormValue("Filter.1.Name") != "instance-id" || r.FormValue("Filter.1.Value.2") == "" {
				t.Errorf("not all instances of a region at once: %v", r.Form)
			}
			_, _ = fmt.Fprintf(w, `<DescribeInstancesResponse><reservationSet><item><instancesSet>
<item><instanceId>i-1</instanceId><instanceState><name>%s</name></instanceState></item>
<item><instanceId>i-2</instanceId><instanceState><name>%s</name></instanceState></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`, state[home], state[!home])
		case "DescribeVpcEndpoints":
			_, _ = fmt.Fprintf(w, `<DescribeVpcEndpointsResponse><vpcEndpointSet><item><vpcEndpointId>vpce-1</vpcEndpointId><state>%s</state></item>
<item><vpcEndpointId>vpce-2</vpcEndpointId><state>available</state></item></vpcEndpointSet></DescribeVpcEndpointsResponse>`, map[bool]string{true: "deleted", false: "available"}[home])
		default:
			http.Error(w, "not asked for here", http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	config = aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(credentials),
	}
	return config, func() []string {
		guard.Lock()
		defer guard.Unlock()
		slices.Sort(all)
		return all
	}
}

func TestEachRegionIsAskedOnceForItsOwn(t *testing.T) {
	config, asked := twoRegions(t)
	var all []Resource
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		for _, what := range []string{"instance/i-1", "instance/i-2", "vpc-endpoint/vpce-1", "vpc-endpoint/vpce-2", "volume/vol-1"} {
			all = append(all, FromARN("arn:aws:ec2:"+region+":123456789012:"+what, ""))
		}
	}
	present, err := Account{AWS: config, Region: "eu-west-1", Environment: "prod"}.present(t.Context(), all)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range present {
		got = append(got, r.Region()+" "+r.ID)
	}
	want := []string{
		"eu-west-1 i-1", "eu-west-1 vpce-2", "eu-west-1 vol-1",
		"us-east-1 i-2", "us-east-1 vpce-1", "us-east-1 vpce-2", "us-east-1 vol-1",
	}
	if !slices.Equal(got, want) {
		t.Errorf("present are\n%q\nwant\n%q", got, want)
	}
	questions := []string{"DescribeInstances in eu-west-1", "DescribeInstances in us-east-1", "DescribeVpcEndpoints in eu-west-1", "DescribeVpcEndpoints in us-east-1"}
	if !slices.Equal(asked(), questions) {
		t.Errorf("asked %q, want %q", asked(), questions)
	}
}

func TestWhatNobodyAnsweredForStays(t *testing.T) {
	config, _ := twoRegions(t)
	all := []Resource{FromARN(arn("ec2", "natgateway/nat-1"), ""), FromARN(arn("ec2", "vpc-endpoint/vpce-1"), "")}
	present, err := Account{AWS: config, Region: "eu-west-1", Environment: "prod"}.present(t.Context(), all)
	if err == nil || len(present) != 1 || present[0].ID != "nat-1" {
		t.Errorf("present are %+v, %v", present, err)
	}
}

func credentials(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
}
