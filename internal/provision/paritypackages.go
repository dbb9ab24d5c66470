package provision

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"infra/internal/inventory"
	"infra/internal/parity"
	"infra/internal/ssh"
	"infra/internal/state"
)

// queriers is how many hosts are asked at once.
const queriers = 10

// packages are the versions of what is installed, by layer: those of one
// layer's hosts should be the same, and where they are not all are named. A
// single host that does not answer leaves all unknown, since its versions would
// look like differences.
func (p *Platform) packages(ctx context.Context, s *state.State) (facts []parity.Fact, err error) {
	inv, err := p.Inventory(s)
	if err != nil {
		return nil, err
	}
	hosts := inv.Hosts()
	if len(hosts) == 0 {
		return nil, errNoHosts
	}
	dir, err := os.MkdirTemp("", "infra-reach-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	client, err := p.Reach(ctx, inv, dir, answerLimit)
	if err != nil {
		return nil, err
	}
	defer p.close(client)
	found := map[string]map[string][]string{} // by layer and package
	var mu sync.Mutex
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(queriers)
	for _, h := range hosts {
		group.Go(func() error {
			installed, err := installedOn(asking, client, h)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			if found[h.Layer] == nil {
				found[h.Layer] = map[string][]string{}
			}
			for name, version := range installed {
				if !slices.Contains(found[h.Layer][name], version) {
					found[h.Layer][name] = append(found[h.Layer][name], version)
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for layer, installed := range found {
		for name, versions := range installed {
			slices.Sort(versions)
			facts = append(facts, parity.Fact{Section: parity.Package, Name: layer + " " + name, Value: strings.Join(versions, ", "), Place: "the hosts"})
		}
	}
	return facts, nil
}

// installedOn asks a host for its packages.
func installedOn(ctx context.Context, client *ssh.Client, h inventory.Host) (map[string]string, error) {
	out, err := client.Run(ctx, h, nil, "dpkg-query", "--show", "--showformat", `${db:Status-Abbrev}\t${Package}\t${Version}\n`)
	if err != nil {
		return nil, err
	}
	return installed(string(out)), nil
}

// installed reads dpkg's answer; what was removed and left its settings behind
// is not installed.
func installed(out string) map[string]string {
	versions := map[string]string{}
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) == 3 && strings.HasPrefix(fields[0], "ii") {
			versions[fields[1]] = fields[2]
		}
	}
	return versions
}
