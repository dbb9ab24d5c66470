//go:build endtoend

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// replaced are the hosts that are made anew of each image, with the command that
// does it: a ZooKeeper server and a standby.
func replaced() map[string][]string {
	return map[string][]string{
		"zookeeper-1":  {"zk", "replace", "e2e", "zookeeper-1", "--auto-approve"},
		"postgresql-2": {"pg", "rejoin", "e2e", "postgresql-2", "--replace", "--auto-approve"},
	}
}

// TestImage makes an image of hosts with the roles and pins it, and measures how
// long a new host takes from its launch until it does its work, of a plain image
// and of the built one, in turn, so that a machine whose speed changes is as fast
// for one as for the other: `make image-bench`.
func TestImage(t *testing.T) {
	p := newPlatform(t)
	p.run(t, 0, "apply", "e2e", "--auto-approve")

	plainPlaybook(t, p)
	p.run(t, 0, "image", "build", "e2e", "--name", "plain")
	shipped, err := os.ReadFile("../../ansible/playbooks/image.yml")
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, "ansible/playbooks/image.yml", string(shipped))
	if image := data[struct{ Name, Owner, Base string }](t, p, "image", "build", "e2e", "--name", "built"); image.Name != "built" || image.Owner != "123456789012" || !strings.HasPrefix(image.Base, "debian-12-amd64-") {
		t.Errorf("built: %+v", image)
	}
	if left := instancesNamed(t, p, "infra-e2e-image-builder"); len(left) > 0 {
		t.Errorf("the host that the image was made of is left: %+v", left)
	}

	images := []string{"plain", "built"}
	for _, image := range images {
		pin(t, p, image)
		t.Run(image+" replaces no host that runs", func(t *testing.T) {
			p.run(t, 0, "plan", "e2e")
			out, _ := p.run(t, 2, "drift", "e2e", "--skip-hosts")
			if !strings.Contains(out, "Hosts made of another image") || !strings.Contains(out, "new hosts of "+image) {
				t.Errorf("drift does not tell of old images:\n%s", out)
			}
		})
	}
	took := map[string]map[string][]readiness{} // by host, by image
	for range benchRounds(t, 3) {
		for host, command := range replaced() {
			if took[host] == nil {
				took[host] = map[string][]readiness{}
			}
			for _, image := range images {
				pin(t, p, image)
				took[host][image] = append(took[host][image], replace(t, p, host, command))
			}
		}
	}

	t.Run("what is one host's is not in the image", func(t *testing.T) {
		var seen []string
		for host := range replaced() {
			id := p.on(t, host, "cat", "/etc/machine-id", "/etc/ssh/ssh_host_ed25519_key.pub")
			if len(id) < 64 || slices.Contains(seen, id) {
				t.Errorf("%s has no identity of its own: %q", host, id)
			}
			seen = append(seen, id)
			p.on(t, host, "test", "-e", "/usr/local/lib/infra/infra-zookeeper-metrics") // it is of the built image
		}
	})
	t.Run("drift lists the hosts of another image, and no other", func(t *testing.T) {
		out, _ := p.run(t, 2, "drift", "e2e", "--skip-hosts", "--output", "json")
		var doc struct {
			Environments []struct {
				Findings []struct{ Kind, Name string }
			}
		}
		if err := json.Unmarshal([]byte(out), &doc); err != nil {
			t.Fatal(err)
		}
		var old []string
		for _, f := range doc.Environments[0].Findings {
			if f.Kind == "image" {
				old = append(old, strings.TrimPrefix(f.Name, "infra-e2e-"))
			}
		}
		slices.Sort(old)
		if want := []string{"bastion", "postgresql-1", "postgresql-witness", "zookeeper-2", "zookeeper-3"}; !slices.Equal(old, want) {
			t.Errorf("made of another image: %v, want %v", old, want)
		}
	})
	t.Run("a run over them changes nothing", func(t *testing.T) {
		if doc := data[runDocument](t, p, "configure", "e2e"); doc.Changed {
			t.Errorf("changed: %v", doc.Tasks)
		}
	})
	for host, of := range took {
		tellImage(host, "from its launch until it does its work", of, func(r readiness) time.Duration { return r.launched })
		tellImage(host, "Ansible's part of that, which an image is made for", of, func(r readiness) time.Duration { return r.configured })
	}
}

// replace has a host made anew.
func replace(t *testing.T, p *platform, host string, command []string) readiness {
	t.Helper()
	out, said := p.run(t, 0, append(slices.Clone(command), "--output", "json")...)
	made := instancesNamed(t, p, "infra-e2e-"+host)
	if len(made) != 1 {
		t.Fatalf("%s: %d instances", host, len(made))
	}
	return readiness{launched: worksAt(t, out).Sub(*made[0].LaunchTime).Round(time.Second), configured: configuredIn(t, said)}
}

// readiness is how long a new host took.
type readiness struct {
	launched   time.Duration // from its launch until it does its work
	configured time.Duration // of that, while Ansible ran
}

// worksAt is when an operation saw that the new host does its work, which is the
// last thing that it tells of: it votes, or streams.
func worksAt(t *testing.T, out string) time.Time {
	t.Helper()
	var done struct {
		Steps []struct {
			At   time.Time
			What string
		}
	}
	if err := json.Unmarshal([]byte(out), &done); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	last := len(done.Steps) - 1
	if last < 0 || !regexp.MustCompile(`^(votes as server|streams from) `).MatchString(done.Steps[last].What) {
		t.Fatalf("it does not end with the host at work:\n%s", out)
	}
	return done.Steps[last].At
}

// configuredIn adds up what a command says of Ansible's runs.
func configuredIn(t *testing.T, said string) (sum time.Duration) {
	t.Helper()
	for _, found := range regexp.MustCompile(`hosts? configured in (\S+),`).FindAllStringSubmatch(said, -1) {
		d, err := time.ParseDuration(found[1])
		if err != nil {
			t.Fatal(err)
		}
		sum += d
	}
	if sum == 0 {
		t.Fatalf("it says of no host that it was configured:\n%s", said)
	}
	return sum
}

// tellImage tells medians, and what each round came to.
func tellImage(host, what string, took map[string][]readiness, of func(readiness) time.Duration) {
	medians, rounds := map[string]time.Duration{}, map[string][]time.Duration{}
	for image, samples := range took {
		for _, r := range samples {
			rounds[image] = append(rounds[image], of(r))
		}
		sorted := slices.Sorted(slices.Values(rounds[image]))
		medians[image] = sorted[len(sorted)/2]
	}
	fmt.Fprintf(os.Stderr, "image: %s, %s: plain %s, built %s, %.2f of it (plain %v, built %v)\n", host, what, medians["plain"], medians["built"],
		medians["built"].Seconds()/medians["plain"].Seconds(), rounds["plain"], rounds["built"])
}

// plainPlaybook has `image build` make a plain image.
func plainPlaybook(t *testing.T, p *platform) {
	t.Helper()
	if _, err := exec.LookPath("apt-get"); err != nil {
		t.Skip("NOT TESTED: without apt-get there are no packages to put into the plain image")
	}
	text, err := os.ReadFile("testdata/image/plain.yml.in")
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(p.project, ".infra", "plain")
	for _, dir := range []string{"root/var/lib/apt/lists/partial", "root/var/cache/apt/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(work, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.write(t, "ansible/playbooks/image.yml", strings.ReplaceAll(string(text), "@WORK@", work))
}

// pin has new hosts made of an image.
func pin(t *testing.T, p *platform, image string) {
	t.Helper()
	p.write(t, "environments/e2e.yaml", fmt.Sprintf(`extends: sandbox
endpoint: %s
products:
  pipeline:
    image: {owner: "123456789012", name: %s}
    vpc:
      cidr: 10.77.0.0/16
`, p.endpoint, image))
}

// instancesNamed are those that have not ended.
func instancesNamed(t *testing.T, p *platform, name string) []types.Instance {
	t.Helper()
	client := ec2.New(ec2.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(p.endpoint), Credentials: credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
	})
	out, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: []types.Filter{
		{Name: aws.String("tag:Name"), Values: []string{name}}, {Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var found []types.Instance
	for _, r := range out.Reservations {
		found = append(found, r.Instances...)
	}
	return found
}
