package provision

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"infra/internal/account"
	"infra/internal/ansible"
	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/progress"
	"infra/internal/python"
	"infra/internal/ssh"
	"infra/internal/state"
	"infra/internal/trace"
)

// platformProduct is the product whose state has the hosts.
const platformProduct = "pipeline"

// How long a host may take until somebody can log in: one that this run may
// have made has to boot first, any other has to answer.
const (
	bootLimit   = 10 * time.Minute
	answerLimit = 2 * time.Minute
)

// Inventory is what the platform's state says about its hosts.
func (p *Platform) Inventory(s *state.State) (*inventory.Inventory, error) {
	op := "make the inventory of " + p.Env.Name()
	read, err := inventory.Read(s.Values())
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	if !read.Known {
		return nil, fault.New(fault.Failed, op, errors.New("the state does not say which hosts there are"), "infra apply "+p.Env.Name())
	}
	return inventory.New(read.Hosts, read.Variables, inventory.Common{Environment: p.Env.Name(), Region: p.Env.Region(), User: p.Env.SSH().User})
}

// Reach prepares SSH to every host, with keys that the cloud vouches for.
// Files go to dir; patience is how long to wait for the keys of hosts that
// are still booting. The caller closes the client.
func (p *Platform) Reach(ctx context.Context, inv *inventory.Inventory, dir string, patience time.Duration) (*ssh.Client, error) {
	record := ssh.Record{
		Client: p.objects(),
		Bucket: p.bucket.Name, Environment: p.Env.Name(), Account: p.Env.Account(), ReadOnly: p.looking,
	}
	machines := ec2.NewFromConfig(p.aws)
	progress := func(h inventory.Host, message string) { p.con.Detail("%s: %s", h.Name, message) }
	keys, err := ssh.TrustedKeys(ctx, machines, record, inv.Hosts(), patience, progress)
	if err != nil {
		return nil, err
	}
	settings := ssh.Settings{
		Environment: p.Env.Name(), Hosts: inv.Hosts(), Keys: keys, User: p.Env.SSH().User,
		Access: ssh.Access(p.Env.Pipeline().VPC.Access), Region: p.Env.Region(), Directory: dir,
		EC2: machines, AWS: account.Pairs(p.childEnvironment()), Progress: progress,
	}
	if p.ownKey() {
		if settings.IdentityFile, _, err = ssh.EnsureKey(ctx, p.keyFolder(), "infra-"+p.Env.Name()); err != nil {
			return nil, err
		}
	}
	return ssh.Open(settings)
}

// ownKey tells whether infra makes the key that the hosts know: in an
// environment on this machine that names none.
func (p *Platform) ownKey() bool { return p.Env.Emulated() && len(p.Env.SSH().PublicKeys) == 0 }

// Configure brings the hosts of the selected layers to what the roles say.
func (p *Platform) Configure(ctx context.Context, layers []string) (ansible.Result, error) {
	return p.ConfigureOnly(ctx, layers, nil, nil)
}

// ConfigureOnly is Configure without the hosts that are left out, and with
// variables that stand above those of the state.
func (p *Platform) ConfigureOnly(ctx context.Context, layers []string, without func(inventory.Host) bool, variables map[string]any) (ansible.Result, error) {
	if err := p.dataIsBack(ctx); err != nil {
		return ansible.Result{}, err
	}
	s, err := p.Applied(ctx, platformProduct)
	if err != nil {
		return ansible.Result{}, err
	}
	inv, err := p.Inventory(s)
	if err != nil {
		return ansible.Result{}, err
	}
	hosts := within(inv.Hosts(), layers)
	if without != nil {
		hosts = slices.DeleteFunc(slices.Clone(hosts), without)
	}
	if len(hosts) == 0 {
		p.con.Step("%s: there are no hosts to configure", p.Env.Name())
		return ansible.Result{}, nil
	}
	bin, err := python.Ensure(ctx, p.Project, "ansible", p.told)
	if err != nil {
		return ansible.Result{}, err
	}
	client, err := p.answering(ctx, inv, hosts)
	if err != nil {
		return ansible.Result{}, err
	}
	defer p.close(client)
	if err := p.begun(ctx); err != nil {
		return ansible.Result{}, err
	}
	all := siteVariables(p.Env.Settings())
	maps.Copy(all, variables)
	return p.play(ctx, playing{inv: inv, hosts: hosts, client: client, bin: bin, dir: p.Run.Dir, file: "site.yml", variables: all})
}

// answering prepares SSH and waits until all hosts can be logged in to. The
// caller closes the client.
func (p *Platform) answering(ctx context.Context, inv *inventory.Inventory, hosts []inventory.Host) (_ *ssh.Client, err error) {
	ctx, end := trace.Start(ctx, "hosts", "infra.hosts", strconv.Itoa(len(hosts)))
	defer end(&err)
	started := time.Now()
	limit := answerLimit
	if p.applied {
		limit = bootLimit
	}
	client, err := p.Reach(ctx, inv, p.Run.Dir, limit)
	if err != nil {
		return nil, err
	}
	if err := p.await(ctx, hosts, func() error { return client.Wait(ctx, hosts, limit) }); err != nil {
		p.close(client)
		return nil, err
	}
	p.con.Detail("%s answered after %s", console.Count(len(hosts), "host"), console.Elapsed(time.Since(started)))
	return client, nil
}

// playing is a playbook with the hosts that it is for.
type playing struct {
	inv       *inventory.Inventory
	hosts     []inventory.Host
	client    *ssh.Client
	bin       string // of Ansible
	dir       string // for its files
	file      string // in ansible/playbooks
	variables map[string]any
	check     bool // look only, change nothing
}

// write puts into the playbook's folder what it needs, and says where.
func (t playing) write() (inventoryFile, variableFile string, err error) {
	variables, err := json.Marshal(t.variables)
	if err != nil {
		return "", "", err
	}
	inventoryFile, variableFile = filepath.Join(t.dir, "inventory.yaml"), filepath.Join(t.dir, "variables.json")
	return inventoryFile, variableFile, errors.Join(os.WriteFile(inventoryFile, t.inv.YAML(), 0o600), os.WriteFile(variableFile, variables, 0o600))
}

// play runs a playbook on the hosts.
func (p *Platform) play(ctx context.Context, t playing) (_ ansible.Result, err error) {
	ctx, end := trace.Start(ctx, "ansible", "infra.playbook", t.file)
	defer end(&err)
	op := "configure " + p.Env.Name()
	inventoryFile, variableFile, err := t.write()
	if err != nil {
		return ansible.Result{}, fault.New(fault.Failed, op, err, "")
	}
	hosts := t.hosts
	env, done, err := p.hostEnvironment(ctx)
	if err != nil {
		return ansible.Result{}, err
	}
	defer done()
	env["PATH"] = t.bin + string(os.PathListSeparator) + env["PATH"]
	env["PYTHONUNBUFFERED"] = "1"
	maps.Copy(env, trace.Carry(ctx))
	env["LANG"], env["LC_ALL"] = "C.UTF-8", "C.UTF-8"
	ids := make([]string, 0, len(hosts))
	for _, h := range hosts {
		ids = append(ids, h.ID)
	}
	names := map[string]string{}
	for _, h := range hosts {
		names[h.ID] = h.Name
	}
	name := func(id string) string {
		if known, ok := names[id]; ok {
			return known
		}
		return id
	}
	step, doing, did := progress.Configuring, "configuring", "configured"
	if t.check {
		step, doing, did = progress.Checking, "checking", "checked"
	}
	p.con.Step("%s: %s %s", p.Env.Name(), doing, console.Count(len(hosts), "host"))
	ended := p.hostStep(ctx, hosts, step, doing)
	progressed, played := p.played(ctx, name)
	result, err := ansible.Playbook{
		Bin: t.bin, Project: p.Project, Dir: t.dir, File: filepath.Join(p.Project, "ansible", "playbooks", t.file),
		Inventory: inventoryFile, SSHConfig: t.client.ConfigFile(), Variables: variableFile, Limit: ids, Check: t.check,
		Environment: account.Pairs(env), Expected: ids, Name: name, Supervise: p.supervision(),
		Progress: progressed,
	}.Run(ctx)
	played(&err)
	ended(err)
	p.recordHosts(result, names)
	if err != nil {
		return result, err
	}
	if changed := result.Changed(); changed > 0 {
		p.con.Step("%s: %s %s in %s, %s", p.Env.Name(), console.Count(len(hosts), "host"), did, console.Elapsed(result.Took), console.Count(changed, "change"))
	} else {
		p.con.Step("%s: %s %s in %s, nothing to change", p.Env.Name(), console.Count(len(hosts), "host"), did, console.Elapsed(result.Took))
	}
	return result, nil
}

// siteVariables are those of the environment's own hosts. They know every key of
// the list: the one that they were launched with may be another.
func siteVariables(s environment.Settings) map[string]any {
	all := hostVariables(s)
	if len(s.SSH.PublicKeys) > 0 {
		all["base_users"] = []map[string]any{{"name": s.SSH.User, "keys": s.SSH.PublicKeys}}
	}
	return all
}

// hostVariables are the extra variables of a playbook that come from the
// environment's file instead of the state.
func hostVariables(s environment.Settings) map[string]any {
	return map[string]any{"base_upgrade": s.Hosts.Upgrade, "base_log_shipping": s.Hosts.LogShipping}
}

// within are the hosts of the named layers, all when none is named. The
// bastion always comes along: the others are reached through it.
func within(hosts []inventory.Host, layers []string) []inventory.Host {
	if len(layers) == 0 {
		return hosts
	}
	var kept []inventory.Host
	for _, h := range hosts {
		if slices.Contains(layers, h.Layer) || h.IsBastion() {
			kept = append(kept, h)
		}
	}
	return kept
}

// close ends connections; a failure to do so changes no result.
func (p *Platform) close(client *ssh.Client) {
	if err := client.Close(); err != nil {
		p.Warn("close the connections to the hosts: %v", err)
	}
}
