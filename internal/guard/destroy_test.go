package guard_test

import (
	"slices"
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/guard"
)

func TestStateful(t *testing.T) {
	for _, c := range []struct {
		address, kind string
		action        guard.Action
		want          bool
	}{
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Replace, true},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Delete, true},
		{`module.postgresql.aws_instance.this["1"]`, "", guard.Delete, true},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Update, false},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Create, false},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Noop, false},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Read, false},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Move, false},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Import, false},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", guard.Forget, false},
		{`module.postgresql.aws_instance.this["1"]`, "aws_instance", "something-new", true},
		{`module.zookeeper.module.host["2"].aws_instance.this`, "aws_instance", guard.Delete, true},
		{`module.zookeeper["x.y]"].aws_instance.this[0]`, "aws_instance", guard.Delete, true},
		{`module.vpc.aws_instance.bastion[0]`, "aws_instance", guard.Replace, false},
		{`aws_instance.other`, "aws_instance", guard.Delete, false},
		{`module.vpc.aws_eip.nat["a"]`, "aws_eip", guard.Delete, false},
		{`module.postgresql.aws_eip.this[0]`, "aws_eip", guard.Delete, true},
		{`module.vpc.aws_subnet.private["module.postgresql"]`, "aws_subnet", guard.Delete, false},
		{`aws_s3_bucket.backup`, "aws_s3_bucket", guard.Delete, true},
		{`aws_s3_bucket_versioning.backup`, "aws_s3_bucket_versioning", guard.Delete, false},
		{`aws_kms_key.this["data"]`, "aws_kms_key", guard.Replace, true},
		{`module.a.aws_ebs_volume.data["1"]`, "aws_ebs_volume", guard.Delete, true},
		{`module.postgresql.aws_db_instance.this[0]`, "aws_db_instance", guard.Delete, true},
		{`module.postgresql.aws_rds_cluster.this[0]`, "aws_rds_cluster", guard.Delete, true},
		{`module.postgresql.aws_secretsmanager_secret.this`, "aws_secretsmanager_secret", guard.Delete, true},
		{`module.vpc.aws_route53_zone.this`, "aws_route53_zone", guard.Delete, true},
		{`aws_cloudtrail.this[0]`, "aws_cloudtrail", guard.Delete, true},
		{`module.emr.aws_emr_cluster.this["blue"]`, "aws_emr_cluster", guard.Replace, true},
		{`data.aws_kms_key.this`, "aws_kms_key", guard.Delete, false},
		{`module.a.data.aws_s3_bucket.this["x"]`, "aws_s3_bucket", guard.Delete, false},
		{`aws_iam_role.plan`, "aws_iam_role", guard.Delete, false},
		{`not an address`, "", guard.Delete, true},
		{`module.postgresql`, "", guard.Delete, true},
		{`module.x["torn.aws_iam_role.y`, "", guard.Delete, true},
		{`a..b`, "", guard.Delete, true},
		{`a.b[0]c`, "", guard.Delete, true},
		{``, "", guard.Delete, true},
	} {
		got := guard.Stateful([]guard.Change{{Address: c.address, Type: c.kind, Action: c.action}})
		if (len(got) == 1) != c.want {
			t.Errorf("%s %s: stateful %v, want %v", c.action, c.address, len(got) == 1, c.want)
		}
	}
}

func TestDestroys(t *testing.T) {
	const (
		host   = `module.postgresql.aws_instance.this["1"]`
		volume = `module.postgresql.aws_ebs_volume.data["1"]`
		bucket = `aws_s3_bucket.backup`
	)
	changes := []guard.Change{
		{Address: "module.vpc.aws_route.x", Type: "aws_route", Action: guard.Delete},
		{Address: host, Type: "aws_instance", Action: guard.Replace, Reason: "cannot_update"},
		{Address: volume, Type: "aws_ebs_volume", Action: guard.Delete},
		{Address: bucket, Type: "aws_s3_bucket", Action: guard.Update},
	}
	for name, c := range map[string]struct {
		changes []guard.Change
		allow   []string
		says    []string
		hint    string
	}{
		"nothing":   {},
		"harmless":  {changes: []guard.Change{changes[0], changes[3]}},
		"refused":   {changes: changes, says: []string{"replace " + host + " (cannot_update)", "delete " + volume}, hint: `--allow-destroy 'module.postgresql.aws_instance.this["1"]' --allow-destroy 'module.postgresql.aws_ebs_volume.data["1"]'`},
		"one left":  {changes: changes, allow: []string{host}, says: []string{"delete " + volume}, hint: `add --allow-destroy 'module.postgresql.aws_ebs_volume.data["1"]'`},
		"allowed":   {changes: changes, allow: []string{volume, host}},
		"no prefix": {changes: changes, allow: []string{"module.postgresql", "module.postgresql.*", "*"}, says: []string{host, volume}, hint: "--allow-destroy"},
		"misspelt":  {changes: changes, allow: []string{host, `module.postgresql.aws_ebs_volume.data[1]`}, says: []string{`names none of them; did you mean 'module.postgresql.aws_ebs_volume.data["1"]'?`}, hint: "--allow-destroy"},
		"plain":     {changes: []guard.Change{{Address: bucket, Action: guard.Delete}}, says: []string{"delete " + bucket}, hint: "add --allow-destroy aws_s3_bucket.backup"},
		"quote":     {changes: []guard.Change{{Address: `aws_s3_bucket.x["a'b"]`, Action: guard.Delete}}, says: []string{"delete"}, hint: `--allow-destroy 'aws_s3_bucket.x["a'\''b"]'`},
		"controls":  {changes: []guard.Change{{Address: "aws_s3_bucket.x[\"\x1b\"]", Action: guard.Delete}}, says: []string{`\u001b`}, hint: `\u001b`},
		"a server of ZooKeeper goes": {
			changes: []guard.Change{{Address: `module.zookeeper.module.server["5"].aws_instance.this`, Action: guard.Delete}}, says: []string{"leave the ensemble before they go", "infra zk shrink"}, hint: "--allow-destroy",
		},
		"the whole": {changes: changes, allow: guard.Addresses(guard.Stateful(changes))},
	} {
		t.Run(name, func(t *testing.T) {
			err := guard.Destroys(c.changes, c.allow)
			check(t, err, c.says, c.hint)
			if err != nil && (strings.Contains(err.Error(), "aws_route.x") || strings.ContainsRune(err.Error()+fault.HintOf(err), '\x1b')) {
				t.Errorf("error: %q", err)
			}
			for _, a := range c.allow {
				if err != nil && slices.Contains([]string{host, volume}, a) && strings.Contains(fault.HintOf(err), a) {
					t.Errorf("the hint repeats what is allowed: %s", fault.HintOf(err))
				}
			}
		})
	}
}

func TestIdle(t *testing.T) {
	changes := []guard.Change{
		{Address: `module.emr.aws_emr_cluster.this["blue"]`, Type: "aws_emr_cluster", Action: guard.Delete},
		{Address: `module.emr.module.cluster["green"].aws_emr_cluster.this`, Type: "aws_emr_cluster", Action: guard.Delete},
		{Address: `module.emr.aws_emr_cluster.only`, Type: "aws_emr_cluster", Action: guard.Delete},
		{Address: `aws_s3_bucket.x["blue"]`, Type: "aws_s3_bucket", Action: guard.Delete},
	}
	for name, c := range map[string]struct {
		inUse []string
		want  []int // which stay guarded
	}{
		"none known":  {nil, []int{0, 1, 2, 3}},
		"blue":        {[]string{"blue"}, []int{0, 2, 3}},
		"green":       {[]string{"green"}, []int{1, 2, 3}},
		"in a switch": {[]string{"blue", "green"}, []int{0, 1, 2, 3}},
	} {
		var want []string
		for _, i := range c.want {
			want = append(want, changes[i].Address)
		}
		if got := guard.Addresses(guard.Stateful(guard.Idle(changes, c.inUse...))); !slices.Equal(got, want) {
			t.Errorf("%s: guarded %v, want %v", name, got, want)
		}
	}
	if changes[1].Idle {
		t.Error("Idle changed what it was given")
	}
}

func TestUnmatched(t *testing.T) {
	changes := []guard.Change{
		{Address: "aws_s3_bucket.a", Action: guard.Delete},
		{Address: "aws_s3_bucket.b", Action: guard.Update},
		{Address: "aws_iam_role.c", Action: guard.Delete},
	}
	got := guard.Unmatched(changes, []string{"aws_s3_bucket.a", "aws_s3_bucket.b", "aws_iam_role.c", "aws_s3_bucket.z"})
	if want := []string{"aws_s3_bucket.b", "aws_s3_bucket.z"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := guard.Unmatched(changes, nil); len(got) != 0 {
		t.Errorf("%v", got)
	}
}
