package environment

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"infra/internal/cidr"
)

// validator checks what only the merged whole can break.
type validator struct {
	env      *Environment
	bad      map[string]bool // paths already complained about
	problems Problems
}

// unless reports a broken rule at the place of the first of the values that
// it looks at and that a file gives, or else where the first would stand;
// except when one of them was refused already.
func (v *validator) unless(holds bool, paths []string, format string, args ...any) {
	if holds || slices.ContainsFunc(paths, v.refused) {
		return
	}
	given := slices.IndexFunc(paths, func(path string) bool { _, ok := v.env.places[path]; return ok })
	v.problems = append(v.problems, Problem{v.env.place(paths[max(given, 0)]), fmt.Sprintf(format, args...)})
}

// refused says that the value at path, or one that it is part of or made of,
// was complained about.
func (v *validator) refused(path string) bool {
	for bad := range v.bad {
		if path == bad || bad == "" || strings.HasPrefix(path, bad+".") || strings.HasPrefix(path, bad+"[") {
			return true
		}
	}
	return false
}

// place is where the value at path stands, or else the map that it would
// stand in, or else the start of the file.
func (e *Environment) place(path string) Place {
	for {
		if p, ok := e.places[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return Place{e.file, 1, 1}
		}
		path = path[:cut]
	}
}

// required reports the settings that have no default and were not given.
func (v *validator) required(block reflect.Value, path string) {
	for _, r := range rulesOf(block.Type()) {
		at, field := join(path, r.name), block.Field(r.index)
		if r.optional() {
			if field.IsNil() {
				continue
			}
			field = field.Elem()
		}
		if field.Kind() == reflect.Struct {
			v.required(field, at)
			continue
		}
		v.unless(!r.required || !field.IsZero(), []string{at}, "%s is required: %s", at, r.doc)
	}
}

func (v *validator) all() Problems {
	v.required(reflect.ValueOf(v.env.settings), "")
	v.target()
	v.recovery()
	v.network()
	v.layers()
	return v.problems
}

// target is the account, its role and the emulator.
func (v *validator) target() {
	s := v.env.settings
	v.unless(s.Emulated || s.Endpoint == "", []string{"endpoint", "emulated"},
		"endpoint is only for emulated environments; remove it, or set emulated: true")
	v.unless(!s.Emulated || s.Endpoint != "", []string{"emulated", "endpoint"},
		"emulated: true needs endpoint, such as http://127.0.0.1:4566")
	v.unless(s.Emulated || len(s.SSH.PublicKeys) > 0, []string{"ssh.public_keys"},
		"ssh.public_keys needs at least one key: without it nobody reaches the hosts, infra included")
	if len(s.SSH.PublicKeys) > 0 {
		v.unless(!strings.HasPrefix(s.SSH.PublicKeys[0], "ecdsa-"), []string{"ssh.public_keys[0]", "ssh.public_keys"},
			"the first key becomes the EC2 key pair, which takes ssh-ed25519 and ssh-rsa only")
	}
	if s.Role == nil {
		return
	}
	if parts := strings.SplitN(s.Role.ARN, ":", 6); len(parts) == 6 {
		v.unless(parts[4] == s.Account, []string{"role.arn", "account"},
			"role.arn is in account %s, the environment in %s", parts[4], s.Account)
		v.unless(parts[1] == v.env.Partition(), []string{"role.arn", "region"},
			"role.arn is in partition %s, region %s in %s", parts[1], s.Region, v.env.Partition())
	}
}

// recovery is the second copy, which is of no use where the first is.
func (v *validator) recovery() {
	const path = "recovery.region"
	region, own := v.env.RecoveryRegion(), v.env.settings.Region
	if region == "" {
		return
	}
	v.unless(region != own, []string{path, "region"}, "%s is %s, the environment's own region; a copy there is lost with it", path, region)
	v.unless(partition(region) == v.env.Partition(), []string{path, "region"}, "%s is in partition %s, region %s in %s", path, partition(region), own, v.env.Partition())
	v.unless(v.env.settings.Products.Pipeline.PostgreSQL.Engine == "postgresql", []string{path, "products.pipeline.postgresql.engine"},
		"%s is for engine: postgresql; RDS copies its backups to other regions itself", path)
}

// widest is the largest network that may be let in, as a prefix length: more
// is most likely the whole internet in disguise.
const widest = 8

func (v *validator) network() {
	const path = "products.pipeline.vpc."
	vpc := v.env.settings.Products.Pipeline.VPC
	if p, err := netip.ParsePrefix(vpc.CIDR); err == nil {
		v.unless(p.Bits() >= 16 && p.Bits() <= 20, []string{path + "cidr"},
			"%scidr: %s is a /%d; a network of /16 to /20 is wanted", path, p, p.Bits())
		v.unless(cidr.IsPrivate(p), []string{path + "cidr"},
			"%scidr: %s is not a private range (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10)", path, p)
	}
	v.unless(vpc.Access != "bastion" || len(vpc.BastionAllowedCIDRs) > 0, []string{path + "bastion_allowed_cidrs", path + "access"},
		"%sbastion_allowed_cidrs needs at least one network with access: bastion, or nobody can reach the hosts", path)
	v.notTheInternet(path+"bastion_allowed_cidrs", vpc.BastionAllowedCIDRs)
	v.notTheInternet("products.pipeline.postgresql.allowed_cidrs", v.env.settings.Products.Pipeline.PostgreSQL.AllowedCIDRs)
	for _, service := range []string{"ssm", "ssmmessages"} {
		v.unless(vpc.Access != "ssm" || vpc.NAT != "none" || slices.Contains(vpc.InterfaceEndpoints, service),
			[]string{path + "interface_endpoints", path + "access", path + "nat"},
			"%sinterface_endpoints needs %s with access: ssm and nat: none, or nobody can reach the hosts", path, service)
	}
}

func (v *validator) notTheInternet(path string, cidrs []string) {
	for i, text := range cidrs {
		at := fmt.Sprintf("%s[%d]", path, i)
		if p, err := netip.ParsePrefix(text); err == nil {
			v.unless(p.Bits() >= widest, []string{at, path}, "%s: %s lets in too much; at most a /%d", at, p, widest)
		}
	}
}

func (v *validator) layers() {
	const path = "products.pipeline."
	p := v.env.settings.Products.Pipeline
	v.unless(p.PostgreSQL.Engine != "postgresql" || p.PostgreSQL.Version == debianPostgreSQL, []string{path + "postgresql.version", path + "postgresql.engine"},
		"%spostgresql.version must be %q with engine: postgresql: it is what Debian 12 has", path, debianPostgreSQL)
	v.unless(!p.PostgreSQL.Synchronous || p.PostgreSQL.Standbys > 1, []string{path + "postgresql.synchronous", path + "postgresql.standbys"},
		"%spostgresql.synchronous needs standbys: 2 or more: the loss of the only one would stop all writes", path)
	v.unless(p.EMR.MaxCapacity >= p.EMR.CoreCount, []string{path + "emr.max_capacity", path + "emr.core_count"},
		"%semr.max_capacity is %d, less than core_count, %d", path, p.EMR.MaxCapacity, p.EMR.CoreCount)
}

// debianPostgreSQL is the only major version that the hosts' distribution has.
const debianPostgreSQL = "15"

// overlaps finds environments in the same account and region whose networks
// overlap, at the place of the later one's range.
func overlaps(one, other *Environment) Problems {
	a, errA := netip.ParsePrefix(one.settings.Products.Pipeline.VPC.CIDR)
	b, errB := netip.ParsePrefix(other.settings.Products.Pipeline.VPC.CIDR)
	same := one.Account() == other.Account() && one.Region() == other.Region() && one.Endpoint() == other.Endpoint()
	const path = "products.pipeline.vpc.cidr"
	if valid := errA == nil && errB == nil; !valid || !same || !a.Overlaps(b) {
		return nil
	}
	return Problems{{one.place(path), fmt.Sprintf("%s: %s overlaps %s of environment %s (%s), in the same account and region",
		path, a, b, other.name, other.place(path))}}
}
