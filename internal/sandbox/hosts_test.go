package sandbox

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"golang.org/x/crypto/ssh"

	"infra/internal/fault"
)

// TestCloud runs a whole sandbox and uses it through the AWS API and SSH
// alone.
func TestCloud(t *testing.T) {
	c := newCloud(t)
	c.up()
	found := must(readRecord(must(c.config.settle())(t)))(t)
	if len(traces(t, c.config, found.Layout)) == 0 {
		t.Fatal("a running sandbox leaves no traces: the test looks in the wrong places")
	}
	c.importKey()
	one := c.place("10.20.0.0/16", "10.20.1.0/24")
	two := c.subnet(one.vpc, "10.20.2.0/24")
	other := c.place("10.30.0.0/16", "10.30.1.0/24")
	a, neighbour := c.launch(one, "10.20.1.10"), c.launch(one, "10.20.1.11")
	across, stranger := c.launch(two, "10.20.2.10"), c.launch(other, "10.30.1.10")
	for _, id := range []string{a, neighbour, across, stranger} {
		c.waitState(id, types.InstanceStateNameRunning)
	}
	address, allocation := c.elastic(a)
	key := c.hostKey(a)

	t.Run("up again changes nothing", func(t *testing.T) {
		if err := Up(t.Context(), c.config, func(string) {}); err != nil {
			t.Error(err)
		}
		if c.state(a) != types.InstanceStateNameRunning {
			t.Error("the instance does not run any more")
		}
	})
	t.Run("identity", func(t *testing.T) {
		for command, want := range map[string]string{
			"hostname":                           "ip-10-20-1-10",
			"cat /etc/marked":                    "by-user-data",
			"sudo whoami":                        "root",
			"systemctl is-system-running --wait": "running",
			"cloud-init query instance_id":       a,
			"getent hosts ip-10-20-2-10":         "10.20.2.10      ip-10-20-2-10.eu-west-1.compute.internal",
			"curl -sS https://sts.amazonaws.com/ >/dev/null && echo trusted": "trusted",
		} {
			if got := c.run(address, key, command); got != want {
				t.Errorf("%s: %q, want %q", command, got, want)
			}
		}
	})
	t.Run("networks", func(t *testing.T) { c.checkNetworks(t, address, key, stranger) })
	t.Run("security groups hold between neighbours", func(t *testing.T) {
		c.checkGroups(t, one, address, key, neighbour)
	})
	t.Run("elastic address moves", func(*testing.T) {
		newKey := c.hostKey(neighbour)
		c.run(address, key, "true")
		c.associate(allocation, neighbour)
		c.eventually("packets follow the address", func() bool {
			got, err := c.try(address, newKey, "hostname")
			return err == nil && got == "ip-10-20-1-11"
		})
		c.associate(allocation, a)
		c.run(address, key, "true")
	})
	t.Run("volumes", func(t *testing.T) { c.checkVolume(t, address, key, a) })
	t.Run("life", func(t *testing.T) { c.checkLife(t, address, key, a, neighbour) })
	t.Run("fence", func(t *testing.T) { c.checkFence(t, address, key, a) })
	t.Run("overlapping ranges", func(t *testing.T) {
		clash := c.launch(c.place("10.20.0.0/16", "10.20.1.0/24"), "10.20.1.50")
		c.eventually("the status names the overlap", func() bool {
			for _, host := range must(ReadStatus(t.Context(), c.config))(t).Hosts {
				if host.ID == clash && strings.Contains(host.Problem, "overlaps") {
					return host.State == "pending"
				}
			}
			return false
		})
	})
	t.Run("terminate", func(t *testing.T) {
		must(c.api.TerminateInstances(t.Context(), &ec2.TerminateInstancesInput{InstanceIds: []string{across}}))(t)
		c.waitState(across, types.InstanceStateNameTerminated)
		c.eventually("the host is gone", func() bool { return c.container(across) == "none" })
	})
	t.Run("down after the daemon was killed", func(t *testing.T) {
		if err := found.Daemon.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		c.eventually("the status tells that the daemon died", func() bool {
			return must(ReadStatus(t.Context(), c.config))(t).State == failed
		})
		c.checkDown(t, found)
	})
	t.Run("up and down", func(t *testing.T) {
		if err := Up(t.Context(), c.config, func(string) {}); err != nil {
			t.Fatal(err)
		}
		c.checkDown(t, must(readRecord(must(c.config.settle())(t)))(t))
	})
}

// checkNetworks asserts what reaches what.
func (c *cloud) checkNetworks(t *testing.T, address string, key ssh.PublicKey, stranger string) {
	reach := func(target string) string {
		return c.run(address, key, "timeout 5 nc -z -w 3 "+target+" && echo reached || echo cut off")
	}
	c.eventually("hosts of one VPC reach each other", func() bool { return reach("10.20.2.10 22") == "reached" })
	public, allocation := c.elastic(stranger)
	c.run(public, c.hostKey(stranger), "true")
	if got := reach("10.30.1.10 22"); got != "cut off" {
		t.Errorf("another VPC by its private address: %s", got)
	}
	if got := reach(public + " 22"); got != "reached" {
		t.Errorf("another VPC by a public address: %s", got)
	}
	if got := reach("198.18.0.1 22"); got != "cut off" {
		t.Errorf("outside: %s", got)
	}
	if got := reach(strings.TrimPrefix(strings.Replace(c.config.Endpoint, ":", " ", 2), "http //")); got != "cut off" {
		t.Errorf("the machine's loopback: %s", got)
	}
	must(c.api.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: c.association(allocation)}))(t)
	c.eventually("a public address without an owner leads nowhere", func() bool { return reach(public+" 22") == "cut off" })
}

func (c *cloud) association(allocation string) *string {
	c.t.Helper()
	answer := must(c.api.DescribeAddresses(c.t.Context(), &ec2.DescribeAddressesInput{AllocationIds: []string{allocation}}))(c.t)
	return answer.Addresses[0].AssociationId
}

// checkGroups asserts that the security group decides, also inside a subnet.
func (c *cloud) checkGroups(t *testing.T, at place, address string, key ssh.PublicKey, neighbour string) {
	c.run(address, key, "sudo systemd-run --quiet --unit=listener nc -l -k -p 7000 || true")
	probe := "timeout 5 nc -z -w 2 10.20.1.10 7000 && echo reached || echo cut off"
	public, allocation := c.elastic(neighbour)
	from := func() string { return c.run(public, c.hostKey(neighbour), probe) }
	if got := from(); got != "cut off" {
		t.Errorf("without a rule: %s", got)
	}
	must(c.api.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &at.group, IpPermissions: []types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(7000), ToPort: aws.Int32(7000),
			UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &at.group}},
		}},
	}))(t)
	c.eventually("a rule that names the group lets its members in", func() bool { return from() == "reached" })
	must(c.api.DisassociateAddress(t.Context(), &ec2.DisassociateAddressInput{AssociationId: c.association(allocation)}))(t)
}

// checkVolume asserts that a volume is a device of its size and outlives a
// stop.
func (c *cloud) checkVolume(t *testing.T, address string, key ssh.PublicKey, id string) {
	volume := *must(c.api.CreateVolume(t.Context(), &ec2.CreateVolumeInput{AvailabilityZone: aws.String("eu-west-1a"), Size: aws.Int32(2)}))(t).VolumeId
	must(c.api.AttachVolume(t.Context(), &ec2.AttachVolumeInput{VolumeId: &volume, InstanceId: &id, Device: aws.String("/dev/sdf")}))(t)
	device := "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_" + strings.Replace(volume, "-", "", 1)
	c.eventually("the volume appears", func() bool { return c.run(address, key, "test -b "+device+" && echo yes || echo no") == "yes" })
	if got := c.run(address, key, "sudo blockdev --getsize64 "+device); got != "2147483648" {
		t.Errorf("size of the device: %s", got)
	}
	c.run(address, key, "sudo mkfs.ext4 -q -F "+device+" && sudo mkdir -p /data && echo '"+device+" /data ext4 defaults 0 2' | sudo tee -a /etc/fstab && sudo mount /data && echo kept | sudo tee /data/file")
	must(c.api.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{id}}))(t)
	c.waitState(id, types.InstanceStateNameStopped)
	c.eventually("the host is down", func() bool { return c.container(id) == "exited" })
	must(c.api.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}))(t)
	c.waitState(id, types.InstanceStateNameRunning)
	if got := c.run(address, key, "cat /data/file"); got != "kept" {
		t.Errorf("after a stop and a start the volume, mounted by fstab, holds %q", got)
	}
	c.run(address, key, "sudo umount /data && sudo sed -i '/data/d' /etc/fstab")
	must(c.api.DetachVolume(t.Context(), &ec2.DetachVolumeInput{VolumeId: &volume, InstanceId: &id}))(t)
	c.eventually("the volume disappears", func() bool { return c.run(address, key, "test -e "+device+" && echo yes || echo no") == "no" })
}

// checkLife asserts that hosts and instances share their fate.
func (c *cloud) checkLife(t *testing.T, address string, key ssh.PublicKey, a, neighbour string) {
	boot := func() string {
		return c.run(address, key, "systemctl show -p UserspaceTimestampMonotonic --value && cat /proc/1/stat | cut -d' ' -f22")
	}
	before := boot()
	if _, err := c.try(address, key, "sudo systemctl reboot"); err != nil && !errors.As(err, new(*ssh.ExitMissingError)) {
		t.Logf("reboot: %v", err) // the connection ends in one way or another
	}
	c.eventually("the host has rebooted from inside", func() bool { return boot() != before })
	if got := c.state(a); got != types.InstanceStateNameRunning {
		t.Errorf("after a reboot from inside the API says %s", got)
	}
	before = boot()
	must(c.api.RebootInstances(t.Context(), &ec2.RebootInstancesInput{InstanceIds: []string{a}}))(t)
	c.eventually("the host has rebooted", func() bool { return boot() != before })

	public, _ := c.elastic(neighbour)
	if _, err := c.try(public, c.hostKey(neighbour), "sudo systemctl poweroff"); err != nil {
		t.Logf("poweroff: %v", err)
	}
	c.waitState(neighbour, types.InstanceStateNameStopped)
	must(c.api.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{neighbour}}))(t)
	c.waitState(neighbour, types.InstanceStateNameRunning)
	c.run(public, c.hostKey(neighbour), "true")
	must(c.api.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: []string{neighbour}, Force: aws.Bool(true)}))(t)
	c.waitState(neighbour, types.InstanceStateNameStopped)
	if _, err := c.try(public, c.hostKey(neighbour), "true"); err == nil {
		t.Error("the API says stopped, but the host answers")
	}
}

// checkDown ends the sandbox, twice, and looks for what is left.
func (c *cloud) checkDown(t *testing.T, made record) {
	for range 2 {
		if err := Down(t.Context(), c.config, func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	for _, trace := range traces(t, c.config, made.Layout) {
		t.Errorf("left behind: %s", trace)
	}
	if got := must(ReadStatus(t.Context(), c.config))(t).State; got != stopped {
		t.Errorf("the status after down is %s", got)
	}
}

func TestUpRefusesAPortInUse(t *testing.T) {
	c := newCloud(t)
	port := must(c.config.port())(t)
	busy := listen(t, port)
	err := Up(t.Context(), c.config, func(string) {})
	if fault.CodeOf(err) != fault.Failed || !strings.Contains(err.Error(), "in use") || fault.HintOf(err) == "" {
		t.Errorf("up with a busy port: %v (hint %q)", err, fault.HintOf(err))
	}
	if err := busy.Close(); err != nil {
		t.Fatal(err)
	}
	if found := must(readRecord(must(c.config.settle())(t)))(t); found.Daemon.PID != 0 {
		t.Error("a refused up has written a record")
	}
}
