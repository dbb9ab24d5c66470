package provision

import (
	"context"
	"os"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/run"
	"infra/internal/ssh"
	"infra/internal/state"
	"infra/internal/trace"
)

// Hosts is what a day-2 operation works on: the platform as its state has it,
// and the way to its hosts.
type Hosts struct {
	State     *state.State // of the product that has the hosts
	Inventory *inventory.Inventory
	Client    *ssh.Client
}

// Operate runs a day-2 operation on the hosts: the lease is held, the ledger
// knows before work begins that something is about to change, and gets the
// result. The connections are closed at its end.
func (p *Platform) Operate(ctx context.Context, verb string, wait run.Wait, work func(context.Context, *Hosts) error) error {
	return p.Change(ctx, verb, wait, func(ctx context.Context) error { return p.OnHosts(ctx, work) })
}

// OnHosts is Operate within a run that goes on: the lease is held.
func (p *Platform) OnHosts(ctx context.Context, work func(context.Context, *Hosts) error) (err error) {
	s, err := p.Applied(ctx, platformProduct)
	if err != nil {
		return err
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return err
	}
	// A folder of its own: work may have Ansible configure hosts, whose connections have their files in the run's.
	dir := p.Run.File("operation")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fault.New(fault.Failed, "prepare SSH", err, "")
	}
	limit := answerLimit
	if p.applied {
		limit = bootLimit
	}
	client, err := p.Reach(ctx, inv, dir, limit)
	if err != nil {
		return err
	}
	defer p.close(client)
	if err := p.begun(ctx); err != nil {
		return err
	}
	ctx, ended := trace.Part(ctx, "operation")
	defer ended(&err)
	return work(ctx, &Hosts{State: s, Inventory: inv, Client: client})
}

// Touched notes in the ledger what an operation did to a host: a word such as
// "promoted" or "stopped".
func (p *Platform) Touched(host inventory.Host, result string) {
	p.record.Hosts = append(p.record.Hosts, run.HostRecord{ID: host.ID, Name: host.Name, Result: result})
}
