// Package host turns EC2 instances into containers that behave as machines:
// systemd as the first program, the instance's own address, volumes that
// appear as block devices, a console that can be read.
package host

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	dockernetwork "github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/versions"
	"github.com/docker/docker/client"

	"infra/internal/sandbox/emulator"
	"infra/internal/sandbox/network"
)

// Label marks a container with the id of its instance.
const Label = "infra.instance"

// The exit codes of a container whose systemd has asked the kernel for a
// reboot: the kernel then ends the first process by SIGHUP.
const rebooted = 128 + 1

// Signals that systemd understands.
const (
	shutDown = "SIGRTMIN+3"
	reboot   = "SIGRTMIN+5"
	cut      = "SIGKILL"
)

// Machine runs hosts in one container engine.
type Machine struct {
	Docker *client.Client
	Layout network.Layout
	Image  string // reference of the host image
	CA     []byte // certificate authority that hosts trust, PEM
}

// Status is what became of an instance's container.
type Status struct {
	Exists   bool
	Running  bool
	Paused   bool
	Rebooted bool // not running, because it rebooted from inside
	PID      int  // of the first process, while running
	Started  time.Time
}

// Text is the status in a word.
func (s Status) Text() string {
	switch {
	case !s.Exists:
		return "none"
	case s.Paused:
		return "paused"
	case s.Running:
		return "running"
	default:
		return "exited"
	}
}

// Status looks at the container of an instance.
func (m *Machine) Status(ctx context.Context, instance string) (Status, error) {
	found, err := m.Docker.ContainerInspect(ctx, instance)
	if errdefs.IsNotFound(err) {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, fmt.Errorf("inspect host %s: %w", instance, err)
	}
	status := Status{
		Exists: true, Running: found.State.Running, Paused: found.State.Paused, PID: found.State.Pid,
		Rebooted: !found.State.Running && found.State.ExitCode == rebooted,
	}
	if found.State.StartedAt != "" {
		if status.Started, err = time.Parse(time.RFC3339Nano, found.State.StartedAt); err != nil {
			return Status{}, fmt.Errorf("inspect host %s: %w", instance, err)
		}
	}
	return status, nil
}

// EnsureNetwork makes the network of a subnet, unless it is there.
func (m *Machine) EnsureNetwork(ctx context.Context, subnet emulator.Subnet) error {
	_, err := m.Docker.NetworkInspect(ctx, subnet.ID, dockernetwork.InspectOptions{})
	if err == nil {
		return nil
	}
	if !errdefs.IsNotFound(err) {
		return fmt.Errorf("inspect the network of subnet %s: %w", subnet.ID, err)
	}
	gateway, err := network.Gateway(subnet.CIDR)
	if err != nil {
		return err
	}
	bridge := network.Bridge(subnet.ID)
	off := false
	_, err = m.Docker.NetworkCreate(ctx, subnet.ID, dockernetwork.CreateOptions{
		Driver:     "bridge",
		EnableIPv6: &off,
		IPAM: &dockernetwork.IPAM{
			Driver: "default",
			Config: []dockernetwork.IPAMConfig{{Subnet: subnet.CIDR, Gateway: gateway.String()}},
		},
		Options: map[string]string{
			"com.docker.network.bridge.name":                 bridge,
			"com.docker.network.bridge.enable_ip_masquerade": "false",
		},
	})
	if err != nil {
		return fmt.Errorf("make the network of subnet %s (%s): %w", subnet.ID, subnet.CIDR, err)
	}
	return network.PrepareBridge(m.Layout, bridge)
}

// Networks lists the subnets that have a network.
func (m *Machine) Networks(ctx context.Context) ([]string, error) {
	all, err := m.Docker.NetworkList(ctx, dockernetwork.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the sandbox's networks: %w", err)
	}
	var subnets []string
	for _, one := range all {
		if strings.HasPrefix(one.Name, "subnet-") {
			subnets = append(subnets, one.Name)
		}
	}
	return subnets, nil
}

// RemoveNetwork takes away the network of a subnet that has no hosts left.
func (m *Machine) RemoveNetwork(ctx context.Context, subnet string) error {
	if err := m.Docker.NetworkRemove(ctx, subnet); err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("remove the network of subnet %s: %w", subnet, err)
	}
	return nil
}

// Create makes the container of an instance, not yet running.
func (m *Machine) Create(ctx context.Context, instance emulator.Instance) error {
	image, err := m.imageOf(ctx, instance)
	if err != nil {
		return err
	}
	config, resources, networking := m.spec(instance, image)
	if _, err := m.Docker.ContainerCreate(ctx, config, resources, networking, nil, instance.ID); err != nil {
		return fmt.Errorf("create host %s: %w", instance.ID, err)
	}
	if err := m.trust(ctx, instance.ID); err != nil {
		return errors.Join(err, m.Remove(ctx, instance.ID))
	}
	return nil
}

// spec is everything a container is made from.
func (m *Machine) spec(instance emulator.Instance, image string) (*container.Config, *container.HostConfig, *dockernetwork.NetworkingConfig) {
	config := &container.Config{
		Hostname:   "ip-" + strings.ReplaceAll(instance.PrimaryAddress, ".", "-"),
		Image:      image,
		Tty:        true,
		Env:        []string{"container=docker", "INFRA_REGION=" + instance.Region},
		Labels:     map[string]string{Label: instance.ID},
		StopSignal: shutDown,
	}
	resources := &container.HostConfig{
		CapAdd: []string{
			"SYS_ADMIN", "NET_ADMIN", "SYS_BOOT", "SYS_PTRACE", "SYS_NICE", "IPC_LOCK", "LEASE",
		},
		SecurityOpt:  []string{"seccomp=unconfined", "apparmor=unconfined"},
		CgroupnsMode: container.CgroupnsModePrivate,
		Tmpfs: map[string]string{
			"/run": "rw,nosuid,nodev,exec,mode=755",
			"/tmp": "rw,nosuid,nodev,exec,mode=1777",
		},
		ShmSize:       1 << 30,
		RestartPolicy: container.RestartPolicy{Name: container.RestartPolicyDisabled},
		LogConfig: container.LogConfig{
			Type: "json-file", Config: map[string]string{"max-size": "4m", "max-file": "1"},
		},
		Resources: container.Resources{DeviceCgroupRules: []string{"b 7:* rwm"}},
	}
	networking := &dockernetwork.NetworkingConfig{EndpointsConfig: map[string]*dockernetwork.EndpointSettings{
		instance.Subnet: {
			IPAMConfig: &dockernetwork.EndpointIPAMConfig{IPv4Address: instance.PrimaryAddress},
		},
	}}
	if versions.GreaterThanOrEqualTo(m.Docker.ClientVersion(), "1.44") {
		networking.EndpointsConfig[instance.Subnet].MacAddress = instance.MAC
	} else {
		config.MacAddress = instance.MAC //nolint:staticcheck // older engines know no other field
	}
	resources.NetworkMode = container.NetworkMode(instance.Subnet)
	return config, resources, networking
}

// Start runs the container. Its first program waits for Boot.
func (m *Machine) Start(ctx context.Context, instance string) error {
	if err := m.Docker.ContainerStart(ctx, instance, container.StartOptions{}); err != nil {
		return fmt.Errorf("start host %s: %w", instance, err)
	}
	return nil
}

// ShutDown asks the host's systemd to power off; it returns at once.
func (m *Machine) ShutDown(ctx context.Context, instance string) error {
	return m.signal(ctx, instance, shutDown)
}

// Reboot asks the host's systemd to reboot; it returns at once.
func (m *Machine) Reboot(ctx context.Context, instance string) error {
	return m.signal(ctx, instance, reboot)
}

// Cut ends the host as a power failure does, also when it is frozen.
func (m *Machine) Cut(ctx context.Context, instance string) error {
	err := m.signal(ctx, instance, cut)
	thawed := m.Docker.ContainerUnpause(ctx, instance)
	if thawed != nil && (errdefs.IsNotFound(thawed) || errdefs.IsConflict(thawed) || errdefs.IsInternal(thawed)) {
		thawed = nil // it was not frozen
	}
	return errors.Join(err, thawed)
}

func (m *Machine) signal(ctx context.Context, instance, signal string) error {
	err := m.Docker.ContainerKill(ctx, instance, signal)
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // conflict: it does not run
		return nil
	}
	return fmt.Errorf("send %s to host %s: %w", signal, instance, err)
}

// Remove takes away the container and everything in it, running or not.
func (m *Machine) Remove(ctx context.Context, instance string) error {
	err := m.Docker.ContainerRemove(ctx, instance, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err == nil || errdefs.IsNotFound(err) || errdefs.IsConflict(err) { // conflict: it is being removed
		return nil
	}
	return fmt.Errorf("remove host %s: %w", instance, err)
}
