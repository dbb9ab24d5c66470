package sandbox

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/crypto/ssh"

	"infra/internal/python"
)

// cloud is a sandbox that a test runs, with what the test needs to use it.
type cloud struct {
	t      *testing.T
	config Config
	api    *ec2.Client
	signer ssh.Signer
	steps  []string
}

const settingsFile = "test-settings.json"

// testConfig reads what the test wrote down for the daemon.
func testConfig(project string) (Config, error) {
	var config Config
	data, err := os.ReadFile(filepath.Join(project, settingsFile))
	if err != nil {
		return config, err
	}
	err = json.Unmarshal(data, &config)
	return config, err
}

// newCloud starts a sandbox, or skips the test where none can run.
func newCloud(t *testing.T) *cloud {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: a sandbox needs root; run the tests as root")
	}
	// The folder of the module's own project keeps the emulator's Python
	// between runs.
	bin, err := python.Ensure(t.Context(), filepath.Join("..", ".."), "moto", func(text string) { t.Log(text) })
	if err != nil {
		t.Fatal(err)
	}
	if bin, err = filepath.Abs(bin); err != nil {
		t.Fatal(err)
	}
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	project := t.TempDir()
	c := &cloud{t: t, config: Config{
		Project: project, Dir: filepath.Join(project, ".infra", "sandbox"),
		Endpoint: fmt.Sprintf("http://127.0.0.1:%d", freePort(t)),
		Account:  "123456789012", Region: "eu-west-1", Python: bin, Executable: executable,
	}}
	if err := writeJSON(filepath.Join(project, settingsFile), c.config); err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if c.signer, err = ssh.NewSignerFromKey(private); err != nil {
		t.Fatal(err)
	}
	c.api = ec2.New(ec2.Options{
		Region: c.config.Region, BaseEndpoint: aws.String(c.config.Endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	})
	return c
}

func (c *cloud) up() {
	c.t.Helper()
	c.t.Cleanup(func() {
		if err := Down(context.Background(), c.config, func(string) {}); err != nil {
			c.t.Errorf("down: %v", err)
		}
	})
	if err := Up(c.t.Context(), c.config, func(step string) { c.steps = append(c.steps, step) }); err != nil {
		c.t.Fatalf("up: %v", err)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener := listen(t, 0)
	address, isTCP := listener.Addr().(*net.TCPAddr)
	if !isTCP {
		t.Fatalf("listening on %v", listener.Addr())
	}
	port := address.Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

func listen(t *testing.T, port int) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// place is a VPC with one subnet, and a security group that lets everybody in
// by SSH and its own members by anything.
type place struct{ vpc, subnet, group string }

func (c *cloud) place(cidr, subnetCIDR string) place {
	c.t.Helper()
	vpc := must(c.api.CreateVpc(c.t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String(cidr)}))(c.t).Vpc.VpcId
	return c.subnet(*vpc, subnetCIDR)
}

func (c *cloud) subnet(vpc, cidr string) place {
	c.t.Helper()
	subnet := must(c.api.CreateSubnet(c.t.Context(), &ec2.CreateSubnetInput{
		VpcId: &vpc, CidrBlock: aws.String(cidr), AvailabilityZone: aws.String("eu-west-1a"),
	}))(c.t).Subnet.SubnetId
	group := must(c.api.CreateSecurityGroup(c.t.Context(), &ec2.CreateSecurityGroupInput{
		VpcId: &vpc, GroupName: aws.String("ssh " + cidr), Description: aws.String("ssh"),
	}))(c.t).GroupId
	must(c.api.AuthorizeSecurityGroupIngress(c.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: group, IpPermissions: []types.IpPermission{
			{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}},
		},
	}))(c.t)
	return place{vpc, *subnet, *group}
}

// launch runs an instance and gives its id.
func (c *cloud) launch(at place, address string) string {
	c.t.Helper()
	userData := "#cloud-config\nwrite_files: [{path: /etc/marked, content: by-user-data}]\n"
	answer := must(c.api.RunInstances(c.t.Context(), &ec2.RunInstancesInput{
		ImageId: aws.String("ami-12345678"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		SubnetId: &at.subnet, SecurityGroupIds: []string{at.group}, PrivateIpAddress: &address, KeyName: aws.String("operator"),
		UserData: aws.String(base64.StdEncoding.EncodeToString([]byte(userData))),
	}))(c.t)
	return *answer.Instances[0].InstanceId
}

func (c *cloud) importKey() {
	c.t.Helper()
	must(c.api.ImportKeyPair(c.t.Context(), &ec2.ImportKeyPairInput{
		KeyName: aws.String("operator"), PublicKeyMaterial: ssh.MarshalAuthorizedKey(c.signer.PublicKey()),
	}))(c.t)
}

// state is the instance's state by the API.
func (c *cloud) state(id string) types.InstanceStateName {
	c.t.Helper()
	answer := must(c.api.DescribeInstances(c.t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))(c.t)
	return answer.Reservations[0].Instances[0].State.Name
}

// container is what the host of an instance does.
func (c *cloud) container(id string) string {
	c.t.Helper()
	status := must(ReadStatus(c.t.Context(), c.config))(c.t)
	for _, host := range status.Hosts {
		if host.ID == id {
			return host.Container
		}
	}
	return "none"
}

func (c *cloud) waitState(id string, wanted types.InstanceStateName) {
	c.t.Helper()
	c.eventually("instance "+id+" is "+string(wanted), func() bool { return c.state(id) == wanted })
}

// eventually waits until something holds; the limit is for broken machines,
// not for slow ones.
func (c *cloud) eventually(what string, holds func() bool) time.Duration {
	c.t.Helper()
	begun := time.Now()
	for !holds() {
		if time.Since(begun) > 3*time.Minute {
			c.t.Fatalf("not even after 3 minutes: %s\n%s", what, c.log())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(begun)
}

func (c *cloud) log() string {
	data, err := os.ReadFile(c.config.LogFile())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// elastic makes a public address for an instance.
func (c *cloud) elastic(id string) (address, allocation string) {
	c.t.Helper()
	answer := must(c.api.AllocateAddress(c.t.Context(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc}))(c.t)
	c.associate(*answer.AllocationId, id)
	return *answer.PublicIp, *answer.AllocationId
}

func (c *cloud) associate(allocation, id string) {
	c.t.Helper()
	must(c.api.AssociateAddress(c.t.Context(), &ec2.AssociateAddressInput{
		AllocationId: &allocation, InstanceId: &id, AllowReassociation: aws.Bool(true),
	}))(c.t)
}

// hostKey is the key that the instance's console tells, as on EC2.
func (c *cloud) hostKey(id string) ssh.PublicKey {
	c.t.Helper()
	var key ssh.PublicKey
	c.eventually("the console of "+id+" shows host keys", func() bool {
		answer := must(c.api.GetConsoleOutput(c.t.Context(), &ec2.GetConsoleOutputInput{InstanceId: &id}))(c.t)
		text, err := base64.StdEncoding.DecodeString(aws.ToString(answer.Output))
		if err != nil {
			c.t.Fatal(err)
		}
		_, keys, found := strings.Cut(string(text), "BEGIN SSH HOST KEY KEYS-----")
		keys, _, ended := strings.Cut(keys, "-----END SSH HOST KEY KEYS")
		for line := range strings.Lines(keys) {
			if parsed, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line)); err == nil && parsed.Type() == ssh.KeyAlgoED25519 {
				key = parsed
			}
		}
		return found && ended && key != nil
	})
	return key
}

// run executes a command on a host by SSH, once its server answers.
func (c *cloud) run(address string, key ssh.PublicKey, command string) string {
	c.t.Helper()
	var output string
	var last error
	c.eventually(command+" runs on "+address, func() bool {
		output, last = c.try(address, key, command)
		return last == nil
	})
	return output
}

func (c *cloud) try(address string, key ssh.PublicKey, command string) (string, error) {
	connection, err := ssh.Dial("tcp", net.JoinHostPort(address, "22"), &ssh.ClientConfig{
		User: "admin", Auth: []ssh.AuthMethod{ssh.PublicKeys(c.signer)}, Timeout: 5 * time.Second,
		HostKeyCallback: ssh.FixedHostKey(key), HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
	})
	if err != nil {
		return "", err
	}
	defer connection.Close() //nolint:errcheck // only read from
	session, err := connection.NewSession()
	if err != nil {
		return "", err
	}
	output, err := session.CombinedOutput(command)
	return strings.TrimSpace(string(output)), err
}

// must gives the answer of a call that has to succeed.
func must[T any](answer T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
}
