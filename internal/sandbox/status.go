package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"infra/internal/fault"
	"infra/internal/sandbox/emulator"
	"infra/internal/sandbox/network"
	"infra/internal/sandbox/reconcile"
)

// Status is what there is of a sandbox.
type Status struct {
	Schema string `json:"schema"` // infra/sandbox/v1
	// State is running, starting, ending, failed, expired or stopped.
	State string `json:"state"`
	// Error and Hint say why it has failed and what to do.
	Error    string    `json:"error,omitempty"`
	Hint     string    `json:"hint,omitempty"`
	Endpoint string    `json:"endpoint"`
	Since    time.Time `json:"since"`
	// Expires is when it ends by itself; zero: never.
	Expires time.Time `json:"expires,omitzero"`
	// PublicRange is where public addresses come from, MachineAddress what
	// hosts see this machine as.
	PublicRange    string          `json:"public_range,omitempty"`
	MachineAddress string          `json:"machine_address,omitempty"`
	Certificate    string          `json:"certificate,omitempty"` // file of the sandbox's authority
	Log            string          `json:"log,omitempty"`
	Hosts          []HostStatus    `json:"hosts"`
	Networks       []NetworkStatus `json:"networks"`
}

// HostStatus is one instance that has, or should have, a host.
type HostStatus struct {
	ID             string `json:"id"`
	Name           string `json:"name"` // its Name tag
	Account        string `json:"account"`
	State          string `json:"state"` // by the API
	PrivateAddress string `json:"private_address"`
	PublicAddress  string `json:"public_address,omitempty"`
	VPC            string `json:"vpc"`
	Subnet         string `json:"subnet"`
	// Container is running, paused, exited or none.
	Container string `json:"container"`
	// Problem says what keeps the host from its state.
	Problem string `json:"problem,omitempty"`
}

// NetworkStatus is one subnet that exists as a network.
type NetworkStatus struct {
	Subnet string `json:"subnet"`
	VPC    string `json:"vpc"`
	CIDR   string `json:"cidr"`
	Bridge string `json:"bridge"`
}

const statusSchema = "infra/sandbox/v1"

// stopped is the state of a sandbox that does not exist.
const stopped = "stopped"

// ReadStatus tells how the sandbox is. It needs no rights and changes nothing.
func ReadStatus(_ context.Context, config Config) (Status, error) {
	const op = "read the sandbox's status"
	config, err := config.settle()
	if err != nil {
		return Status{}, err
	}
	status := Status{
		Schema: statusSchema, State: stopped, Endpoint: config.Endpoint, Hosts: []HostStatus{}, Networks: []NetworkStatus{},
	}
	found, err := readRecord(config)
	if err != nil {
		return Status{}, fault.New(fault.Failed, op, err, config.command("down"))
	}
	if found.Daemon.PID == 0 {
		return status, nil
	}
	if data, err := os.ReadFile(config.statusFile()); err == nil {
		if err := json.Unmarshal(data, &status); err != nil {
			return Status{}, fault.New(fault.Failed, op, fmt.Errorf("%s: %w", config.statusFile(), err), config.command("reset"))
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return Status{}, fault.New(fault.Failed, op, err, "")
	}
	status.State, status.Error, status.Hint = found.Phase, found.Error, found.Hint
	status.Since, status.Endpoint, status.Log = found.Since, found.Endpoint, config.LogFile()
	lifetime, err := readLifetime(config)
	if err != nil {
		return Status{}, fault.New(fault.Failed, op, err, config.command("down"))
	}
	status.Expires = lifetime.Expires
	if !found.Daemon.Alive() && found.Phase != failed && found.Phase != expired {
		status.State = failed
		status.Error = "the sandbox's daemon has died"
		status.Hint = config.command("reset")
	}
	return status, nil
}

// describe makes the part of the status that the daemon knows.
func describe(config Config, layout network.Layout, snapshot emulator.Snapshot, hosts []reconcile.Host, networks []emulator.Subnet) Status {
	status := Status{
		Schema: statusSchema, PublicRange: layout.PublicRange().String(), MachineAddress: layout.MachineAddress().String(),
		Certificate: config.CertificateFile(), Hosts: []HostStatus{}, Networks: []NetworkStatus{},
	}
	public := map[string]string{}
	for _, address := range snapshot.PublicAddresses {
		public[address.PrivateAddress] = address.Address
	}
	for _, host := range hosts {
		status.Hosts = append(status.Hosts, HostStatus{
			ID: host.Instance.ID, Name: host.Instance.Tags["Name"], Account: host.Instance.Account,
			State: string(host.Instance.State), PrivateAddress: host.Instance.PrimaryAddress,
			PublicAddress: public[host.Instance.PrimaryAddress],
			VPC:           host.Instance.VPC, Subnet: host.Instance.Subnet, Container: host.Container, Problem: host.Problem,
		})
	}
	for _, subnet := range networks {
		status.Networks = append(status.Networks, NetworkStatus{
			Subnet: subnet.ID, VPC: subnet.VPC, CIDR: subnet.CIDR, Bridge: network.Bridge(subnet.ID),
		})
	}
	slices.SortFunc(status.Hosts, func(a, b HostStatus) int {
		return strings.Compare(a.Name+" "+a.ID, b.Name+" "+b.ID)
	})
	return status
}
