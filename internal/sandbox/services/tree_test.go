package services

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMetadataTree(t *testing.T) {
	t.Parallel()
	snapshot := world()
	tree := MetadataTree(snapshot, snapshot.Instances[0])
	const card = "meta-data/network/interfaces/macs/0a:bb:cc:00:11:22"
	tests := []struct{ path, want string }{
		{"", "dynamic/\nmeta-data/\nuser-data"},
		{"dynamic", "instance-identity/"},
		{"dynamic/instance-identity", "document"},
		{"meta-data", strings.Join([]string{
			"ami-id", "ami-launch-index", "ami-manifest-path", "block-device-mapping/", "hostname", "iam/",
			"instance-action", "instance-id", "instance-life-cycle", "instance-type", "local-hostname", "local-ipv4", "mac",
			"network/", "placement/", "profile", "public-hostname", "public-ipv4", "public-keys/", "services/", "tags/",
		}, "\n")},
		{"meta-data/ami-id", "ami-1"},
		{"meta-data/instance-id", "i-0aaa"},
		{"meta-data/instance-id/", "i-0aaa"},
		{"meta-data/hostname", "ip-10-20-1-10.eu-west-1.compute.internal"},
		{"meta-data/local-ipv4", "10.20.1.10"},
		{"meta-data/public-ipv4", "198.19.0.5"},
		{"meta-data/public-hostname", "ec2-198-19-0-5.eu-west-1.compute.amazonaws.com"},
		{"meta-data/placement/", "availability-zone\nregion"},
		{"meta-data/placement/availability-zone", "eu-west-1a"},
		{"meta-data/public-keys/", "0=operators"},
		{"meta-data/public-keys/0", "openssh-key"},
		{"meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA me@desk\n"},
		{"meta-data/block-device-mapping", "ami\nebs1\nebs2\nroot"},
		{"meta-data/block-device-mapping/ebs1", "sdf"},
		{"meta-data/block-device-mapping/root", "/dev/xvda"},
		{"meta-data/network/interfaces/macs/", "0a:bb:cc:00:11:22/"},
		{card + "/device-number", "0"},
		{card + "/local-ipv4s", "10.20.1.10\n10.20.1.11"},
		{card + "/security-group-ids", "sg-1\nsg-2"},
		{card + "/subnet-ipv4-cidr-block", "10.20.1.0/24"},
		{card + "/vpc-ipv4-cidr-block", "10.20.0.0/16"},
		{card + "/ipv4-associations/", "198.19.0.5"},
		{card + "/ipv4-associations/198.19.0.5", "10.20.1.10"},
		{"meta-data/iam", "info\nsecurity-credentials/"},
		{"meta-data/iam/security-credentials", "zk"},
		{"meta-data/iam/security-credentials/zk", ""},
		{"meta-data/tags/instance", "Name\nempty"},
		{"meta-data/tags/instance/Name", "zookeeper-1"},
		{"user-data", "#cloud-config\nhostname: zookeeper-1\n"},
	}
	for _, test := range tests {
		got, found := tree.Get(test.path)
		if !found || got != test.want {
			t.Errorf("%q: %q (found: %v), want %q", test.path, got, found, test.want)
		}
	}
	for _, path := range []string{"meta-data/nothing", "meta-data/instance", "meta-data/iam/security-credentials/other", "spot"} {
		if got, found := tree.Get(path); found {
			t.Errorf("%q is there: %q", path, got)
		}
	}
}

func TestMetadataTreeOfABareInstance(t *testing.T) {
	t.Parallel()
	snapshot := world()
	tree := MetadataTree(snapshot, snapshot.Instances[2])
	for _, path := range []string{"user-data", "meta-data/iam", "meta-data/public-keys", "meta-data/public-ipv4", "meta-data/tags", "meta-data/block-device-mapping"} {
		if got, found := tree.Get(path); found {
			t.Errorf("%q is there: %q", path, got)
		}
	}
}

func TestIdentityDocument(t *testing.T) {
	t.Parallel()
	snapshot := world()
	text, _ := MetadataTree(snapshot, snapshot.Instances[0]).Get("dynamic/instance-identity/document")
	var document map[string]any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]any{
		"accountId": "123456789012", "instanceId": "i-0aaa", "region": "eu-west-1", "availabilityZone": "eu-west-1a",
		"privateIp": "10.20.1.10", "pendingTime": "2025-03-01T12:00:00Z", "billingProducts": nil,
	} {
		if document[key] != want {
			t.Errorf("%s is %v, want %v", key, document[key], want)
		}
	}
}

// Every leaf must be reachable by walking the listings, which is how
// cloud-init reads the tree: one listed name that answers 404 loses it all.
func TestEveryListedNameAnswers(t *testing.T) {
	t.Parallel()
	snapshot := world()
	tree := MetadataTree(snapshot, snapshot.Instances[0])
	var walk func(folder string) int
	walk = func(folder string) int {
		listing, found := tree.Get(folder)
		if !found {
			t.Fatalf("%q does not answer", folder)
		}
		leaves := 0
		for name := range strings.SplitSeq(listing, "\n") {
			number, _, key := strings.Cut(name, "=")
			switch {
			case key:
				leaves += walk(folder + "/" + number)
			case strings.HasSuffix(name, "/"):
				leaves += walk(strings.TrimPrefix(folder+"/"+strings.TrimSuffix(name, "/"), "/"))
			default:
				if _, found := tree.Get(folder + "/" + name); !found {
					t.Errorf("%s/%s is listed and does not answer", folder, name)
				}
				leaves++
			}
		}
		return leaves
	}
	if got := walk(""); got != len(tree.leaves) {
		t.Errorf("%d leaves reached of %d", got, len(tree.leaves))
	}
}
