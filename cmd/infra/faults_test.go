//go:build endtoend

package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func destroyGuard(t *testing.T, p *platform) {
	file := filepath.Join(p.project, "environments", "e2e.yaml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "environments/e2e.yaml", string(was)+"    zookeeper:\n      size: 1\n")
	_, stderr := p.run(t, 3, "plan", "e2e")
	if !strings.Contains(stderr, "--allow-destroy") || !strings.Contains(stderr, "zookeeper") {
		t.Errorf("the refusal does not say what to type:\n%s", stderr)
	}
	p.run(t, 3, "apply", "e2e", "--auto-approve")
	p.write(t, "environments/e2e.yaml", string(was))
	p.run(t, 0, "plan", "e2e")
}

// hostID is the instance of a host.
func (p *platform) hostID(t *testing.T, name string) string {
	t.Helper()
	doc := data[struct {
		Hosts []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"hosts"`
	}](t, p, "hosts", "e2e")
	for _, h := range doc.Hosts {
		if h.Name == name {
			return h.ID
		}
	}
	t.Fatalf("there is no host %s", name)
	return ""
}

// ec2 is the sandbox's EC2, as its owner sees it.
func (p *platform) ec2() *ec2.Client {
	return ec2.NewFromConfig(aws.Config{
		Region: "eu-west-1", BaseEndpoint: aws.String(p.endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	})
}

// refusingHost stops sshd on one host, wants it named, and brings it back
// through the EC2 API: stopped for real, then started.
func refusingHost(t *testing.T, p *platform) {
	id := p.hostID(t, "zookeeper-3")
	p.on(t, "zookeeper-3", "systemctl", "stop", "ssh.socket", "ssh.service")
	_, stderr := p.run(t, 5, "configure", "e2e", "--layer", "zookeeper")
	if !strings.Contains(stderr, "zookeeper-3") || strings.Contains(stderr, "Traceback") {
		t.Errorf("the host is not named plainly:\n%s", stderr)
	}
	api := p.ec2()
	state := func() types.InstanceStateName {
		out, err := api.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		return out.Reservations[0].Instances[0].State.Name
	}
	if _, err := api.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the instance is stopped", func() (bool, string) {
		now := state()
		return now == types.InstanceStateNameStopped, string(now)
	})
	if _, err := api.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}); err != nil {
		t.Fatal(err)
	}
	p.run(t, 0, "configure", "e2e", "--layer", "zookeeper")
	eventually(t, "the ensemble is whole again", func() (bool, string) {
		mode := zookeeperMode(t, p, "zookeeper-3")
		return mode == "follower" || mode == "leader", mode
	})
}

// failingTerraform lets the cloud refuse one kind of change in the middle of
// an apply. What was made stays in the state, the error names the resource,
// and the same command mends it.
func failingTerraform(t *testing.T, p *platform) {
	file := filepath.Join(p.project, "environments", "e2e.yaml")
	was, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "environments/e2e.yaml", string(was)+"  baseline:\n    alert_emails: [ops@example.com]\n    ci: {provider: github, repository: example/platform, branch: main}\n")
	p.fault(t, `[{"service":"sns","action":"Subscribe","status":400,"count":50}]`)
	_, stderr := p.run(t, 1, "apply", "e2e", "--auto-approve", "--product", "baseline")
	if !strings.Contains(stderr, "aws_sns_topic_subscription") || !strings.Contains(stderr, "next:") || strings.Contains(stderr, "goroutine ") {
		t.Errorf("the failure is not explained:\n%s", stderr)
	}
	p.fault(t, "")
	p.run(t, 0, "apply", "e2e", "--auto-approve", "--product", "baseline")
	p.write(t, "environments/e2e.yaml", string(was))
	p.run(t, 0, "apply", "e2e", "--auto-approve", "--product", "baseline")
}

// fault gives the emulator faults to answer with; none clears them.
func (p *platform) fault(t *testing.T, faults string) {
	t.Helper()
	method := http.MethodPost
	if faults == "" {
		method = http.MethodDelete
	}
	request, err := http.NewRequestWithContext(t.Context(), method, p.endpoint+"/_sandbox/faults", strings.NewReader(faults))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= 300 {
		t.Fatalf("the emulator answers %s", response.Status)
	}
}
