package orphan

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"infra/internal/state"
)

const account = "arn:aws:%:eu-west-1:123456789012:"

// arn fills in the service.
func arn(service, rest string) string { return strings.Replace(account, "%", service, 1) + rest }

func TestFromARN(t *testing.T) {
	for _, c := range []struct{ arn, kind, id, removal string }{
		{arn("ec2", "instance/i-1"), "aws_instance", "i-1", "ec2 terminate-instances --instance-ids i-1"},
		{arn("ec2", "security-group-rule/sgr-1"), "aws_vpc_security_group_ingress_rule", "sgr-1", ""},
		{arn("ec2", "security-group/sg-1"), "aws_security_group", "sg-1", "ec2 delete-security-group --group-id sg-1"},
		{arn("ec2", "elastic-ip/eipalloc-1"), "aws_eip", "eipalloc-1", "ec2 release-address --allocation-id eipalloc-1"},
		{arn("kms", "key/12-34"), "aws_kms_key", "12-34", "kms schedule-key-deletion --key-id 12-34"},
		{arn("kms", "alias/infra-prod-data"), "aws_kms_alias", "alias/infra-prod-data", "kms delete-alias --alias-name alias/infra-prod-data"},
		{"arn:aws:s3:::infra-logs", "aws_s3_bucket", "infra-logs", "s3 rb s3://infra-logs --force"},
		{arn("logs", "log-group:/infra/prod:*"), "aws_cloudwatch_log_group", "/infra/prod", "logs delete-log-group --log-group-name /infra/prod"},
		{arn("sns", "alerts"), "aws_sns_topic", arn("sns", "alerts"), "sns delete-topic --topic-arn " + arn("sns", "alerts")},
		{arn("ssm", "parameter/infra/prod/emr"), "aws_ssm_parameter", "/infra/prod/emr", "ssm delete-parameter --name /infra/prod/emr"},
		{"arn:aws:iam::123456789012:role/path/of/infra-prod-plan", "aws_iam_role", "infra-prod-plan", "iam delete-role --role-name infra-prod-plan"},
		{"arn:aws:iam::123456789012:policy/infra-prod-boundary", "aws_iam_policy", "arn:aws:iam::123456789012:policy/infra-prod-boundary", "iam delete-policy --policy-arn arn:aws:iam::123456789012:policy/infra-prod-boundary"},
		{"arn:aws:route53:::hostedzone/Z1", "aws_route53_zone", "Z1", "route53 delete-hosted-zone --id Z1"},
		{arn("elasticmapreduce", "cluster/j-1"), "aws_emr_cluster", "j-1", "emr terminate-clusters --cluster-ids j-1"},
		{"arn:aws-cn:kms:cn-north-1:123456789012:key/12", "aws_kms_key", "12", "kms schedule-key-deletion --key-id 12"},
		{arn("backup", "backup-vault:vault"), "", "vault", ""},
		{"no arn", "", "", ""},
	} {
		r := FromARN(c.arn, "")
		if r.Type != c.kind || r.ID != c.id || strings.Join(r.Removal(), " ") != c.removal {
			t.Errorf("%s is %q %q, removed by %q; want %q %q %q", c.arn, r.Type, r.ID, r.Removal(), c.kind, c.id, c.removal)
		}
	}
}

// applied makes a state that has one instance of each.
func applied(t *testing.T, instances ...[3]string) *state.State { // type, name, attributes
	t.Helper()
	type instance struct {
		Attributes json.RawMessage `json:"attributes"`
	}
	var resources []map[string]any
	for _, i := range instances {
		resources = append(resources, map[string]any{
			"mode": "managed", "type": i[0], "name": i[1], "provider": "p", "instances": []instance{{json.RawMessage(i[2])}},
		})
	}
	raw, err := json.Marshal(map[string]any{"version": 4, "serial": 1, "lineage": "l", "resources": resources})
	if err != nil {
		t.Fatal(err)
	}
	s, err := state.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFind(t *testing.T) {
	states := map[string]*state.State{
		"baseline": applied(t, [3]string{"aws_kms_key", "known", `{"arn":"` + arn("kms", "key/known") + `","id":"known"}`}, [3]string{"aws_iam_role", "app", `{"arn":"arn:aws:iam::123456789012:role/app","id":"app"}`}),
		"pipeline": applied(t,
			[3]string{"aws_instance", "host", `{"arn":"` + arn("ec2", "instance/i-1") + `","id":"i-1","root_block_device":[{"volume_id":"vol-root"}],"primary_network_interface_id":"eni-1"}`},
			[3]string{"aws_nat_gateway", "out", `{"id":"nat-1"}`},
			[3]string{"aws_vpc_security_group_egress_rule", "out", `{"id":"sgr-1"}`},
			[3]string{"aws_cloudwatch_log_group", "log", `{"arn":"` + arn("logs", "log-group:/infra") + `","id":"/infra"}`},
			[3]string{"aws_key_pair", "key", `{"id":"infra","key_pair_id":"key-1"}`},
			[3]string{"aws_odd", "odd", `{"id":7,"arn":["x"]}`},
		),
		"never": nil,
	}
	var seen []Resource
	for _, known := range []string{
		arn("kms", "key/known"), arn("ec2", "instance/i-1"), arn("ec2", "volume/vol-root"), arn("ec2", "network-interface/eni-1"), arn("ec2", "natgateway/nat-1"),
		arn("ec2", "security-group-rule/sgr-1"), arn("logs", "log-group:/infra:*"), arn("ec2", "key-pair/key-1"), "arn:aws:iam::123456789012:role/app",
	} {
		seen = append(seen, FromARN(known, ""))
	}
	if found := Find(seen, nil, states); len(found) > 0 {
		t.Errorf("what a state knows is called an orphan: %+v", found)
	}

	profile, key := FromARN("arn:aws:iam::123456789012:instance-profile/app", ""), FromARN(arn("kms", "key/lost"), "")
	topic, volumes := FromARN(arn("sns", "late"), ""), []Resource{FromARN(arn("ec2", "volume/vol-1"), ""), FromARN(arn("ec2", "volume/vol-2"), "")}
	seen = append(seen, profile, key, topic, key, FromARN(arn("ec2", "security-group-rule/sgr-9"), ""))
	seen = append(seen, volumes...)
	begun := []Creation{
		{Product: "baseline", Address: "aws_kms_key.known", Type: "aws_kms_key", ID: "known"},
		{Product: "baseline", Address: "aws_kms_key.lost", Type: "aws_kms_key", ID: "lost"},
		{Product: "pipeline", Address: "aws_kms_key.known", Type: "aws_kms_key"},                                                        // another product's address
		{Product: "pipeline", Address: "aws_sns_topic.late", Type: "aws_sns_topic"},                                                     // was on its way, and got there
		{Product: "pipeline", Address: "aws_route.r", Type: "aws_route"},                                                                // has no tags
		{Product: "pipeline", Address: "aws_route.done", Type: "aws_route", ID: "r-1"},                                                  // nor has this
		{Product: "pipeline", Address: "aws_eip.refused", Type: "aws_eip", Failed: true},                                                // was never made
		{Product: "pipeline", Address: "aws_ebs_volume.a", Type: "aws_ebs_volume"},                                                      // two volumes,
		{Product: "pipeline", Address: "aws_ebs_volume.b", Type: "aws_ebs_volume"},                                                      // which is which?
		{Product: "pipeline", Address: "aws_vpc_security_group_egress_rule.x", Type: "aws_vpc_security_group_egress_rule", ID: "sgr-9"}, // AWS tells no direction
		{Product: "pipeline", Address: "aws_instance.host", Type: "aws_instance", ID: "i-1"},                                            // known
	}
	var got []string
	for _, r := range Find(seen, begun, states) {
		text := r.Label()
		if r.Address != "" && r.Address != text {
			text += " = " + r.Product + " " + r.Address
		}
		if r.Uncertain {
			text += " ?"
		}
		got = append(got, text)
	}
	want := []string{
		arn("ec2", "volume/vol-1"), arn("ec2", "volume/vol-2"), profile.ARN, key.ARN + " = baseline aws_kms_key.lost", "r-1 = pipeline aws_route.done",
		topic.ARN + " = pipeline aws_sns_topic.late", arn("ec2", "security-group-rule/sgr-9") + " = pipeline aws_vpc_security_group_egress_rule.x", "aws_ebs_volume.a ?", "aws_ebs_volume.b ?", "aws_kms_key.known ?", "aws_route.r ?",
	}
	if !slices.Equal(got, want) {
		t.Errorf("orphans\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

func TestReadLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "apply.jsonl")
	lines := []string{
		`{"type":"version","terraform":"1.11.4"}`,
		`{"type":"apply_start","hook":{"resource":{"addr":"a.done","resource_type":"a"},"action":"create"}}`,
		`{"type":"apply_start","hook":{"resource":{"addr":"a.going","resource_type":"a"},"action":"create"}}`,
		`{"type":"apply_start","hook":{"resource":{"addr":"a.failed","resource_type":"a"},"action":"create"}}`,
		`{"type":"apply_start","hook":{"resource":{"addr":"a.changed","resource_type":"a"},"action":"update","id_key":"id","id_value":"c"}}`,
		`not JSON`,
		`{"type":"apply_complete","hook":{"resource":{"addr":"a.done","resource_type":"a"},"action":"create","id_key":"id","id_value":"d-1"}}`,
		`{"type":"apply_errored","hook":{"resource":{"addr":"a.failed","resource_type":"a"},"action":"create"}}`,
		`{"type":"apply_start","hook":{"resource":{"addr":"a.lost","resource_type":"a"},"action":"create"}}`,
		`{"type":"apply_errored","hook":{"resource":{"addr":"a.lost","resource_type":"a"},"action":"create"}}`,
		`{"type":"diagnostic","diagnostic":{"severity":"error","summary":"no","address":"a.failed","detail":"no"}}`,
		`{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Plugin did not respond","address":"a.lost","detail":"The plugin encountered an error, and failed to respond to the plugin.(*GRPCProvider).ApplyResourceChange call."}}`,
		`{"type":"apply_complete","hook":{"resource":{"addr":"a.going","resource_`,
	}
	if err := os.WriteFile(log, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadLog("pipeline", log)
	want := []Creation{
		{Product: "pipeline", Address: "a.done", Type: "a", ID: "d-1"},
		{Product: "pipeline", Address: "a.going", Type: "a"},
		{Product: "pipeline", Address: "a.failed", Type: "a", Failed: true},
		{Product: "pipeline", Address: "a.lost", Type: "a"},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
	if _, err := ReadLog("pipeline", log+".none"); !os.IsNotExist(err) {
		t.Errorf("a log that is not there: %v", err)
	}
}

func TestNamed(t *testing.T) {
	a := Account{Environment: "prod", Others: []string{"prod", "prod-eu", "pro", "staging"}}
	for name, want := range map[string]bool{
		"infra-prod": true, "infra-prod-plan": true, "infra-prod-eu-plan": false, "infra-prod-eu": false, "infra-prod-europe": true,
		"infra-production": false, "infra-staging-plan": false, "prod": false,
	} {
		if a.named(name) != want {
			t.Errorf("%s counts as the environment's: %v", name, !want)
		}
	}
}

func TestRegions(t *testing.T) {
	for region, want := range map[[2]string][]string{
		{"aws", "eu-west-1"}: {"eu-west-1", "us-east-1"}, {"aws", "us-east-1"}: {"us-east-1"}, {"aws-cn", "cn-northwest-1"}: {"cn-northwest-1", "cn-north-1"},
	} {
		if got := (Account{Partition: region[0], Region: region[1]}).regions(); !slices.Equal(got, want) {
			t.Errorf("%v: %v", region, got)
		}
	}
}
