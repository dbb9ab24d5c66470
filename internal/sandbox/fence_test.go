package sandbox

import (
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/docker/docker/client"
	"golang.org/x/crypto/ssh"
)

// What a failover relies on: an ordinary stop lets the system shut down, a
// fence does not wait for it, and it also ends a host that is frozen.
func (c *cloud) checkFence(t *testing.T, address string, key ssh.PublicKey, id string) {
	const unit = `sudo tee /etc/systemd/system/farewell.service >/dev/null <<'END'
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/rm -f /var/farewell
ExecStop=/bin/touch /var/farewell
END
sudo rm -f /var/farewell && sudo systemctl daemon-reload && sudo systemctl restart farewell && test ! -e /var/farewell && echo armed`
	const told = "test -e /var/farewell && echo shut down || echo cut"
	arm := func() {
		if got := c.run(address, key, unit); got != "armed" {
			t.Fatalf("arm the unit that notices a shutdown: %s", got)
		}
	}
	stop := func(force bool) {
		must(c.api.StopInstances(t.Context(), &ec2.StopInstancesInput{
			InstanceIds: []string{id}, Force: &force, SkipOsShutdown: &force,
		}))(t)
		c.waitState(id, types.InstanceStateNameStopped)
		c.eventually("the status tells that the host is down", func() bool { return c.container(id) == "exited" })
	}
	start := func() {
		must(c.api.StartInstances(t.Context(), &ec2.StartInstancesInput{InstanceIds: []string{id}}))(t)
		c.waitState(id, types.InstanceStateNameRunning)
	}

	arm()
	stop(false)
	start()
	if got := c.run(address, key, told); got != "shut down" {
		t.Errorf("an ordinary stop: %s", got)
	}
	arm()
	stop(true)
	start()
	if got := c.run(address, key, told); got != "cut" {
		t.Errorf("a forced stop without the system: %s", got)
	}

	docker := must(client.NewClientWithOpts(
		client.WithHost("unix://"+filepath.Join(must(c.config.settle())(t).runDir(), "docker.sock")), client.WithAPIVersionNegotiation()))(t)
	defer docker.Close() //nolint:errcheck // nothing was written
	if err := docker.ContainerPause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	c.eventually("the host is frozen", func() bool { return c.container(id) == "paused" })
	if c.state(id) != types.InstanceStateNameRunning {
		t.Error("the API knows of the freeze, which AWS would not")
	}
	stop(true)
	start()
	c.run(address, key, "true")
}
