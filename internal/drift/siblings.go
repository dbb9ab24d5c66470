package drift

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// sibling says which other resource of the stack has put a value into a
// resource since the state of that was written; empty when none explains it.
//
// One that owns the whole attribute is compared itself, so that what somebody
// else did shows there. Of those that put single entries into a list, each
// explains one, and only where the state did not have the list yet: once it has
// one, a change of it is somebody's.
func (p Plan) sibling(c Change, a Attribute) string {
	root := top(a.Path)
	if c.Type == "aws_iam_policy" && root == "attachment_count" {
		return "AWS counts the roles that have it, which show it themselves"
	}
	kinds, whole := siblings(c.Type, root)
	kind, n := p.parts(c.Address, kinds)
	cluster, emr := "", 0
	if c.Type == "aws_security_group" {
		cluster, emr = p.parts(c.Address, []string{"aws_emr_cluster"})
	}
	if n == 0 && emr == 0 || !whole && entries(c, root, emr > 0) > n {
		return ""
	}
	if kind == "" {
		kind = cluster
	}
	return fmt.Sprintf("%s of the same stack put it there", kind)
}

// entries counts what stands in a list that the state does not have yet; where
// it has one, more than any number of parts explains. Into the groups that EMR
// manages it puts rules of its own, which are for groups and never for addresses.
func entries(c Change, root string, emr bool) int {
	found := map[string]bool{}
	for _, a := range c.Attributes {
		if top(a.Path) != root {
			continue
		}
		if !empty(a.Before) {
			return math.MaxInt
		}
		switch key, rest, _ := strings.Cut(a.Path, "]"); {
		case !strings.Contains(key, "["):
		case c.Type != "aws_security_group":
			found[key] = true
		case emr && (rest == ".self" || strings.HasPrefix(rest, ".security_groups")):
		case source().MatchString(rest) || rest == ".self" && a.After == "true":
			found[a.Path] = true
		}
	}
	return len(found)
}

// source is what a rule of a security group is for. AWS shows rules of the same
// ports as one entry with several of them.
func source() *regexp.Regexp {
	return regexp.MustCompile(`^\.(cidr_blocks|ipv6_cidr_blocks|prefix_list_ids|security_groups)\[`)
}

// top is the attribute that a path begins with.
func top(path string) string {
	if i := strings.IndexAny(path, ".["); i >= 0 {
		return path[:i]
	}
	return path
}

// parts counts the resources of these types that are a part of the one at an
// address.
func (p Plan) parts(address string, kinds []string) (kind string, n int) {
	i := slices.IndexFunc(p.Managed, func(m Managed) bool { return m.Address == address })
	if i < 0 {
		return "", 0
	}
	for _, m := range p.Managed {
		if slices.Contains(kinds, m.Type) && slices.ContainsFunc(m.Of, func(name string) bool { return slices.Contains(p.Managed[i].Names, name) }) {
			kind, n = m.Type, n+1
		}
	}
	return kind, n
}

// siblings are the types whose resources show up in an attribute of another
// one; whole when one of them is all of it.
func siblings(kind, attribute string) (kinds []string, whole bool) {
	switch kind + "." + attribute {
	case "aws_s3_bucket.policy":
		return []string{"aws_s3_bucket_policy"}, true
	case "aws_s3_bucket.acl", "aws_s3_bucket.grant":
		return []string{"aws_s3_bucket_acl"}, true
	case "aws_s3_bucket.lifecycle_rule":
		return []string{"aws_s3_bucket_lifecycle_configuration"}, true
	case "aws_s3_bucket.logging":
		return []string{"aws_s3_bucket_logging"}, true
	case "aws_s3_bucket.versioning":
		return []string{"aws_s3_bucket_versioning"}, true
	case "aws_s3_bucket.object_lock_configuration":
		return []string{"aws_s3_bucket_object_lock_configuration"}, true
	case "aws_s3_bucket.server_side_encryption_configuration":
		return []string{"aws_s3_bucket_server_side_encryption_configuration"}, true
	case "aws_sns_topic.policy":
		return []string{"aws_sns_topic_policy"}, true
	case "aws_kms_key.policy":
		return []string{"aws_kms_key_policy"}, true
	case "aws_eip.instance", "aws_eip.network_interface", "aws_eip.association_id", "aws_eip.private_ip", "aws_eip.private_dns":
		return []string{"aws_eip_association", "aws_nat_gateway"}, true
	case "aws_instance.public_ip", "aws_instance.public_dns":
		return []string{"aws_eip_association", "aws_eip"}, true
	case "aws_security_group.ingress":
		return []string{"aws_vpc_security_group_ingress_rule", "aws_security_group_rule"}, false
	case "aws_security_group.egress":
		return []string{"aws_vpc_security_group_egress_rule", "aws_security_group_rule"}, false
	case "aws_iam_role.inline_policy":
		return []string{"aws_iam_role_policy"}, false
	case "aws_iam_role.managed_policy_arns":
		return []string{"aws_iam_role_policy_attachment"}, false
	case "aws_route_table.route":
		return []string{"aws_route"}, false
	case "aws_instance.ebs_block_device":
		return []string{"aws_volume_attachment"}, false
	case "aws_vpc_endpoint.subnet_ids":
		return []string{"aws_vpc_endpoint_subnet_association"}, false
	case "aws_vpc_endpoint.route_table_ids":
		return []string{"aws_vpc_endpoint_route_table_association"}, false
	default:
		return nil, false
	}
}
