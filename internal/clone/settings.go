package clone

import (
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"infra/internal/environment"
)

// setting is what a clone has at one path, whatever the original has there.
type setting struct {
	path  string
	value *yaml.Node
	why   string
}

// Why a setting is not the original's.
const (
	elsewhere = "the sandbox's own"
	nobody    = "nobody outside is written to or trusted"
	smaller   = "as small as it can be"
	briefer   = "a clone lives for hours"
)

// What is small: of volumes in GiB, of the heap in MiB, of retentions in days.
const (
	volume    = 1
	database  = 2
	heap      = 256
	retention = 1
	logs      = 1
	storage   = 20 // the least that RDS takes
)

// settings are what makes a clone of an environment, in the order of the
// environment's own settings. What is not here is the original's.
func settings(source *environment.Environment, endpoint string) []setting {
	s := source.Settings()
	all := []setting{
		{"account", text(Account), elsewhere},
		{"protected", truth(false), "a developer's own"},
		{"emulated", truth(true), elsewhere},
		{"endpoint", text(endpoint), elsewhere},
	}
	if s.Role != nil {
		all = append(all, setting{"role", null(), "the emulator's account has no roles of others"})
	}
	if _, given := source.Origin("state.bucket"); given && s.State.Bucket != "" {
		all = append(all, setting{"state.bucket", text("infra-state-" + Account + "-" + s.Region), elsewhere})
	}
	all = append(all,
		setting{"tags.clone_of", text(source.Name()), "says what it is"},
		setting{"ssh.public_keys", list(), "infra makes a key of its own"},
		setting{"hosts.log_shipping", text("none"), "the emulator takes no logs from hosts"},
		setting{"products.baseline.alert_emails", list(), nobody},
		setting{"products.baseline.backup_retention_days", atMost(s.Products.Baseline.BackupRetentionDays, retention), briefer},
		setting{"products.baseline.log_retention_days", atMost(s.Products.Baseline.LogRetentionDays, logs), briefer},
		setting{"products.baseline.account_hardening", truth(false), "the emulator has no such defaults"},
	)
	if s.Products.Baseline.CI != nil {
		all = append(all, setting{"products.baseline.ci", null(), nobody})
	}
	return append(all, platform(s.Products.Pipeline)...)
}

// platform is the part of the layers.
func platform(p environment.Pipeline) []setting {
	const (
		vpc, zookeeper  = "products.pipeline.vpc.", "products.pipeline.zookeeper."
		postgresql, emr = "products.pipeline.postgresql.", "products.pipeline.emr."
	)
	all := []setting{
		{"products.pipeline.image.owner", text(environment.DebianOwner), "an image of another account"},
		{"products.pipeline.image.name", text(environment.DebianImage), "an image of another account"},
		{vpc + "flow_log_retention_days", atMost(p.VPC.FlowLogRetentionDays, logs), briefer},
		{vpc + "access", text("bastion"), "there is no Systems Manager; the way in is a bastion"},
		{vpc + "bastion_instance_type", text("t3.micro"), smaller},
		{vpc + "bastion_allowed_cidrs", list("198.18.0.0/15"), "this machine, as the sandbox sees it"},
		{zookeeper + "instance_type", text("t3.small"), smaller},
		{zookeeper + "data_volume_gb", atMost(p.Zookeeper.DataVolumeGB, volume), smaller},
		{zookeeper + "log_volume_gb", atMost(p.Zookeeper.LogVolumeGB, volume), smaller},
		{zookeeper + "heap_mb", atMost(p.Zookeeper.HeapMB, heap), smaller},
		{postgresql + "instance_type", text("m6i.large"), smaller},
		{postgresql + "witness_instance_type", text("t3.micro"), smaller},
		{postgresql + "data_volume_gb", atMost(p.PostgreSQL.DataVolumeGB, database), smaller},
		{postgresql + "allowed_cidrs", list(), "nothing outside reaches the sandbox"},
		{emr + "primary_instance_type", text("m6i.xlarge"), smaller},
		{emr + "core_instance_type", text("m6i.xlarge"), smaller},
		{emr + "core_count", atMost(p.EMR.CoreCount, 1), smaller},
		{emr + "max_capacity", atMost(p.EMR.MaxCapacity, 4), smaller},
		{emr + "termination_protection", truth(false), "a clone is thrown away"},
	}
	if p.PostgreSQL.Engine == "rds" {
		all = append(all,
			setting{postgresql + "rds.instance_class", text("db.m6i.large"), smaller},
			setting{postgresql + "rds.allocated_gb", atMost(p.PostgreSQL.RDS.AllocatedGB, storage), smaller})
	}
	return all
}

func scalar(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}

func text(value string) *yaml.Node { return scalar("!!str", value) }
func truth(value bool) *yaml.Node  { return scalar("!!bool", strconv.FormatBool(value)) }
func null() *yaml.Node             { return scalar("!!null", "null") }

func atMost(was, most int) *yaml.Node { return scalar("!!int", strconv.Itoa(min(was, most))) }

func list(entries ...string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, entry := range entries {
		node.Content = append(node.Content, text(entry))
	}
	return node
}

// shown is a value as an environment's effective settings have it.
func shown(value *yaml.Node) string {
	switch {
	case value.Kind == yaml.SequenceNode:
		quoted := make([]string, len(value.Content))
		for i, entry := range value.Content {
			quoted[i] = strconv.Quote(entry.Value)
		}
		return "[" + strings.Join(quoted, ",") + "]"
	case value.Tag == "!!null":
		return "none"
	default:
		return value.Value
	}
}
