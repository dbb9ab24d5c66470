package clone_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/clone"
	"infra/internal/environment"
)

const endpoint = "http://127.0.0.1:4570"

// project is a folder with the shipped environments and one that uses
// everything a clone cannot have.
func project(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	const managed = "extends: prod\nproducts: {pipeline: {vpc: {cidr: 10.70.0.0/16}, postgresql: {engine: rds, rds: {instance_class: db.m6i.xlarge, allocated_gb: 400}}}}\n"
	if err := os.CopyFS(filepath.Join(dir, environment.Folder), os.DirFS("../../environments")); err != nil {
		t.Fatal(err)
	}
	full := `extends: acme
account: "444444444444"
role: {arn: "arn:aws:iam::444444444444:role/infra-apply"}
state: {bucket: a-bucket-of-theirs}
hosts: {log_shipping: cloudwatch}
products:
  baseline: {backup_object_lock: governance, ci: {repository: example/infra}}
  pipeline:
    vpc: {cidr: 10.60.0.0/20, flow_log_retention_days: 30}
    zookeeper: {size: 7, heap_mb: 128}
    image: {owner: "444444444444", name: infra-full-1}
    postgresql: {standbys: 3, synchronous: true, data_volume_gb: 1, engine: postgresql}
    emr: {applications: [Spark, Hive]}
`
	for name, text := range map[string]string{"full": full, "managed": managed} {
		if err := os.WriteFile(filepath.Join(dir, environment.Folder, name+".yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cloned derives a clone and loads it as the environment me.
func cloned(t *testing.T, dir, of string) (clone.Clone, *environment.Environment, *environment.Environment) {
	t.Helper()
	source, err := environment.Load(dir, of)
	if err != nil {
		t.Fatal(err)
	}
	c, err := clone.Of(source, endpoint)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, environment.Throwaways, "me.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, c.File, 0o600); err != nil {
		t.Fatal(err)
	}
	me, err := environment.Load(dir, "me")
	if err != nil {
		t.Fatalf("the clone is no valid environment: %v\n%s", err, c.File)
	}
	return c, source, me
}

// A clone has the original's shape, and what it has of its own is exactly what
// it says has changed.
func TestOf(t *testing.T) {
	for _, of := range []string{"prod", "staging", "acme", "full", "managed", "sandbox"} {
		t.Run(of, func(t *testing.T) {
			c, source, me := cloned(t, project(t), of)
			if !me.Emulated() || me.Protected() || me.Endpoint() != endpoint || me.Account() != clone.Account {
				t.Errorf("not the sandbox's: %+v", me.Settings())
			}
			if _, role := me.Role(); role || len(me.SSH().PublicKeys) > 0 || me.Baseline().CI != nil || len(me.Baseline().AlertEmails) > 0 {
				t.Errorf("somebody else is reached or trusted: %+v", me.Settings())
			}
			was, now := source.Pipeline(), me.Pipeline()
			for _, same := range []struct {
				what     string
				was, now any
			}{
				{"cidr", was.VPC.CIDR, now.VPC.CIDR},
				{"zones", strings.Join(was.VPC.Zones, ""), strings.Join(now.VPC.Zones, "")},
				{"nat", was.VPC.NAT, now.VPC.NAT},
				{"zookeeper", was.Zookeeper.Size, now.Zookeeper.Size},
				{"engine", was.PostgreSQL.Engine, now.PostgreSQL.Engine},
				{"version", was.PostgreSQL.Version, now.PostgreSQL.Version},
				{"standbys", was.PostgreSQL.Standbys, now.PostgreSQL.Standbys},
				{"synchronous", was.PostgreSQL.Synchronous, now.PostgreSQL.Synchronous},
				{"address", was.PostgreSQL.Address, now.PostgreSQL.Address},
				{"release", was.EMR.Release, now.EMR.Release},
				{"object lock", source.Baseline().BackupObjectLock, me.Baseline().BackupObjectLock},
				{"region", source.Region(), me.Region()},
			} {
				if same.was != same.now {
					t.Errorf("%s: %v became %v", same.what, same.was, same.now)
				}
			}
			var changed []string
			for _, change := range c.Changes {
				changed = append(changed, change.Path)
				if change.Was == change.Now || change.Why == "" {
					t.Errorf("no change, or one without a reason: %+v", change)
				}
			}
			before := map[string]string{}
			for _, e := range source.Effective() {
				before[e.Path] = e.Value
			}
			for _, e := range me.Effective() {
				told := slices.ContainsFunc(changed, func(path string) bool { return e.Path == path || strings.HasPrefix(e.Path, path+".") })
				derived := e.Path == "extends" || e.Path == "state.bucket" || e.Path == "products.pipeline.vpc.zone_name"
				if before[e.Path] != e.Value && !told && !derived {
					t.Errorf("%s: %q became %q, and nobody is told", e.Path, before[e.Path], e.Value)
				}
			}
		})
	}
}

// What is smaller than the limit already stays so, and what production does not
// have is not said to be lost.
func TestOfChangesNoMoreThanItMust(t *testing.T) {
	c, _, me := cloned(t, project(t), "full")
	if me.Pipeline().Zookeeper.HeapMB != 128 || me.Pipeline().PostgreSQL.DataVolumeGB != 1 {
		t.Errorf("something has grown:\n%s", c.File)
	}
	if me.Pipeline().VPC.Access != "bastion" || me.StateBucket() != "infra-state-123456789012-eu-central-1" {
		t.Errorf("out of reach: %s, %s", me.Pipeline().VPC.Access, me.StateBucket())
	}
	staging, _, _ := cloned(t, project(t), "staging")
	for _, change := range staging.Changes {
		if change.Path == "role" || change.Path == "products.baseline.ci" || change.Path == "protected" {
			t.Errorf("staging has no %s", change.Path)
		}
	}
}

// A throwaway is found by its name alone, hides no environment of the folder,
// and none may extend it.
func TestThrowaways(t *testing.T) {
	dir := project(t)
	cloned(t, dir, "prod")
	names, err := environment.List(dir)
	if err != nil || slices.Contains(names, "me") {
		t.Errorf("among all environments: %v, %v", names, err)
	}
	me, err := environment.Load(dir, "me")
	if err != nil {
		t.Fatal(err)
	}
	if at, _ := me.Origin("endpoint"); me.File() != ".infra/environments/me.yaml" || !strings.HasPrefix(at.String(), me.File()+":") {
		t.Errorf("it lies at %s, its endpoint at %s", me.File(), at)
	}
	heir := filepath.Join(dir, environment.Folder, "heir.yaml")
	if err := os.WriteFile(heir, []byte("extends: me\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := environment.Load(dir, "heir"); err == nil || !strings.Contains(err.Error(), "there is no environments/me.yaml to extend") {
		t.Errorf("extending a throwaway: %v", err)
	}
	if err := os.Rename(heir, filepath.Join(dir, environment.Throwaways, "prod.yaml")); err != nil {
		t.Fatal(err)
	}
	if prod, err := environment.Load(dir, "prod"); err != nil || prod.Emulated() {
		t.Errorf("a throwaway took prod's place: %v", err)
	}
}
