package emulator_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/python"
	"infra/internal/sandbox/emulator"
)

const (
	account    = "111122223333"
	region     = "eu-west-1"
	publicCIDR = "198.19.7.0/24"
)

// shared is the emulator that all tests of the package use; each makes what it
// needs and none counts on being alone.
var shared *emulator.Process //nolint:gochecknoglobals // TestMain has no other way to hand it over

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "emulator-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	shared, err = start(context.Background(), dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := shared.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func start(ctx context.Context, dir string) (*emulator.Process, error) {
	bin, err := pythonBin(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	return emulator.Start(ctx, emulator.Options{
		Dir: dir, Python: bin, Port: port, Account: account, PublicCIDR: publicCIDR,
		Hosts: true, EnforceHostRoles: true, EnforceRoles: true,
	})
}

// pythonBin is the bin folder of the environment with moto, kept between runs.
func pythonBin(ctx context.Context) (string, error) {
	cache := os.Getenv("INFRA_TEST_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "infra-test")
	}
	return python.Ensure(ctx, cache, "moto", func(text string) { fmt.Fprintln(os.Stderr, text) })
}

func freePort(ctx context.Context) (int, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("%v is no TCP address", listener.Addr())
	}
	return address.Port, listener.Close()
}

// configFor makes an SDK configuration for the shared emulator.
func configFor(key, secret, token string) aws.Config {
	return aws.Config{
		Region:       region,
		BaseEndpoint: aws.String(shared.Client().Endpoint()),
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, token),
	}
}

func config() aws.Config { return configFor("operator", "secret", "") }

// must ends the test on an error and gives the value otherwise.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// place is a VPC with a subnet of 10.20.1.0/24 in the first zone.
type place struct {
	ec2    *ec2.Client
	vpc    string
	subnet string
}

func newPlace(t *testing.T) place {
	t.Helper()
	client := ec2.NewFromConfig(config())
	vpc := must[*ec2.CreateVpcOutput](t)(client.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.20.0.0/16")}))
	subnet := must[*ec2.CreateSubnetOutput](t)(client.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
		VpcId: vpc.Vpc.VpcId, CidrBlock: aws.String("10.20.1.0/24"), AvailabilityZone: aws.String(region + "a"),
	}))
	return place{client, *vpc.Vpc.VpcId, *subnet.Subnet.SubnetId}
}

// launch starts an instance and lets its host come up.
func (p place) launch(t *testing.T, input *ec2.RunInstancesInput) types.Instance {
	t.Helper()
	input.MinCount, input.MaxCount = aws.Int32(1), aws.Int32(1)
	input.ImageId = aws.String("ami-0deb1200000020251")
	input.InstanceType = types.InstanceTypeT3Micro
	if len(input.NetworkInterfaces) == 0 {
		input.SubnetId = aws.String(p.subnet)
	}
	output := must[*ec2.RunInstancesOutput](t)(p.ec2.RunInstances(t.Context(), input))
	p.confirm(t, *output.Instances[0].InstanceId, emulator.Running)
	return p.describe(t, *output.Instances[0].InstanceId)
}

func (p place) describe(t *testing.T, id string) types.Instance {
	t.Helper()
	output := must[*ec2.DescribeInstancesOutput](t)(p.ec2.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))
	return output.Reservations[0].Instances[0]
}

func (p place) confirm(t *testing.T, id string, state emulator.State) {
	t.Helper()
	if err := shared.Client().ConfirmState(t.Context(), id, 0, state); err != nil {
		t.Fatal(err)
	}
}

func (p place) terminate(t *testing.T, id string) {
	t.Helper()
	must[*ec2.TerminateInstancesOutput](t)(p.ec2.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{id}}))
	p.confirm(t, id, emulator.Terminated)
}

func (p place) securityGroup(t *testing.T, name string) string {
	t.Helper()
	output := must[*ec2.CreateSecurityGroupOutput](t)(p.ec2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
		VpcId: aws.String(p.vpc), GroupName: aws.String(name), Description: aws.String(name),
	}))
	return *output.GroupId
}

func (p place) allocate(t *testing.T) (allocation, address string) {
	t.Helper()
	output := must[*ec2.AllocateAddressOutput](t)(p.ec2.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc}))
	return *output.AllocationId, *output.PublicIp
}

// instanceOf is the instance as the reconciler sees it.
func instanceOf(t *testing.T, id string) emulator.Instance {
	t.Helper()
	for _, instance := range snapshot(t).Instances {
		if instance.ID == id {
			return instance
		}
	}
	t.Fatalf("the snapshot has no instance %s", id)
	return emulator.Instance{}
}

func snapshot(t *testing.T) emulator.Snapshot {
	t.Helper()
	return must[emulator.Snapshot](t)(shared.Client().Snapshot(t.Context(), 0))
}

// eventually waits until the condition holds, for something that takes the
// emulator a known short time.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func portOf(endpoint string) (int, error) {
	address, err := url.Parse(endpoint)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(address.Port())
}
