package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/packer"
	"infra/internal/sandbox/emulator"
)

// TestImageByPackerInterrupted stops infra while Packer waits for the host that
// it has made, which never answers here: nothing of it may be left, whatever
// stops infra.
func TestImageByPackerInterrupted(t *testing.T) {
	needsPacker(t)
	c := newCloud(t, func(o *emulator.Options) { o.PublicCIDR = "127.19.7.0/24" }) // no address of another machine
	for _, how := range []struct {
		name   string
		signal syscall.Signal
		code   int
	}{
		{"interrupted", syscall.SIGINT, 130},
		{"terminated", syscall.SIGTERM, 130},
		{"killed", syscall.SIGKILL, -1},
	} {
		t.Run(how.name, func(t *testing.T) {
			cmd, said, ended := c.packs(t, "cloud", "--name", how.name)
			until(t, func() bool {
				if len(ended) > 0 {
					t.Fatalf("infra has ended: %v\n%s", <-ended, said.String())
				}
				return len(c.ofBuilder(t)) >= 3 // a key, a security group, a host
			})
			if err := cmd.Process.Signal(how.signal); err != nil {
				t.Fatal(err)
			}
			if got := exitCode(t, <-ended); got != how.code {
				t.Errorf("exit code %d, want %d\n%s", got, how.code, said.String())
			}
			if how.signal == syscall.SIGKILL { // Packer itself cleans up, watched over by its supervisor
				until(t, func() bool { return len(c.ofBuilder(t)) == 0 })
				return
			}
			if left := c.ofBuilder(t); len(left) > 0 {
				t.Errorf("left are %v\n%s", left, said.String())
			}
		})
	}
}

// packs starts infra that has Packer make an image.
func (c *cloud) packs(t *testing.T, environment string, more ...string) (cmd *exec.Cmd, said *transcript, ended chan error) {
	t.Helper()
	cmd = c.command(t.Context(), append([]string{"image", "build", environment, "--packer"}, more...)...)
	said, ended = &transcript{}, make(chan error, 1)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { ended <- cmd.Wait() }()
	return cmd, said, ended
}

// TestImageByPackerAsARole: where the environment names a role, Packer works as
// that role too, in its account.
func TestImageByPackerAsARole(t *testing.T) {
	needsPacker(t)
	c := newCloud(t, func(o *emulator.Options) { o.PublicCIDR = "127.19.8.0/24" })
	c.write(t, "environments/customer.yaml", "extends: cloud\naccount: \"210987654321\"\nrole:\n  arn: arn:aws:iam::210987654321:role/infra\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.79.0.0/16\n")
	cmd, said, ended := c.packs(t, "customer")
	var log []byte
	until(t, func() bool {
		if len(ended) > 0 {
			t.Fatalf("infra has ended: %v\n%s", <-ended, said.String())
		}
		logs, _ := filepath.Glob(filepath.Join(c.project, ".infra", "runs", "customer", "*", "packer.log"))
		if len(logs) == 1 {
			log, _ = os.ReadFile(logs[0])
		}
		return bytes.Contains(log, []byte("Waiting for SSH"))
	})
	if here := c.ofBuilder(t); len(here) > 0 {
		t.Errorf("it works in the caller's account: %v", here)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := exitCode(t, <-ended); got != 130 {
		t.Errorf("exit code %d, want 130\n%s", got, said.String())
	}
}

// needsPacker skips a test where there is no Packer, or a plugin of it is
// missing.
func needsPacker(t *testing.T) {
	t.Helper()
	bin, err := packer.Find()
	if err != nil {
		t.Skip("NOT TESTED: " + err.Error())
	}
	missing, err := packer.Missing(t.Context(), bin, os.Environ(), filepath.Join("..", "..", packer.Template))
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 {
		t.Skipf("NOT TESTED: Packer's plugins %q are not installed", missing)
	}
}

// until waits for something that must come.
func until(t *testing.T, come func() bool) {
	t.Helper()
	for deadline := time.Now().Add(cloudLimit); !come(); time.Sleep(250 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it never came")
		}
	}
}

// ofBuilder is what there is of hosts that images are made of: instances that
// have not ended, keys and security groups.
func (c *cloud) ofBuilder(t *testing.T) []string {
	t.Helper()
	client := ec2.NewFromConfig(c.config(t))
	purpose := []types.Filter{{Name: aws.String("tag:purpose"), Values: []string{"image-builder"}}}
	var found []string
	instances, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{Filters: purpose})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range instances.Reservations {
		for _, i := range r.Instances {
			if i.State.Name != types.InstanceStateNameTerminated {
				found = append(found, aws.ToString(i.InstanceId))
			}
		}
	}
	keys, err := client.DescribeKeyPairs(t.Context(), &ec2.DescribeKeyPairsInput{Filters: purpose})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys.KeyPairs {
		found = append(found, aws.ToString(key.KeyName))
	}
	groups, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: purpose})
	if err != nil {
		t.Fatal(err)
	}
	for _, group := range groups.SecurityGroups {
		found = append(found, aws.ToString(group.GroupId))
	}
	return found
}
