package drift

import (
	"slices"
	"strings"
	"testing"
)

func attributes(pairs ...string) []Attribute {
	var all []Attribute
	for triple := range slices.Chunk(pairs, 3) {
		all = append(all, Attribute{Path: triple[0], Before: triple[1], After: triple[2]})
	}
	return all
}

func unknown(path string) Attribute { return Attribute{Path: path, Before: `"x"`, Unknown: true} }

// TestJudge is the table of what counts as what.
func TestJudge(t *testing.T) {
	t.Parallel()
	const subnet, group, bucket = "module.vpc.aws_subnet.private[\"a\"]", "aws_security_group.db", "aws_s3_bucket.log"
	rules := []Managed{
		{Address: group, Type: "aws_security_group", Names: []string{"sg-1"}},
		{Address: "aws_vpc_security_group_ingress_rule.db", Type: "aws_vpc_security_group_ingress_rule", Of: []string{"sg-1"}},
	}
	for name, c := range map[string]struct {
		plan   Plan
		ignore []string
		want   string // kind action address [undone] [noise: ...]; several with " | "
	}{
		"nothing":           {Plan{}, nil, ""},
		"never applied":     {Plan{Never: "it was never applied"}, nil, "code create "},
		"only outputs":      {Plan{Outputs: true}, nil, "code update "},
		"a tag by hand":     {Plan{Outside: change(subnet, "update", attributes("tags.a", "", `"1"`)), Planned: change(subnet, "update", attributes("tags.a", `"1"`, ""))}, nil, "outside update " + subnet + " undone"},
		"deleted by hand":   {Plan{Outside: change(subnet, "delete", nil), Planned: change(subnet, "create", nil)}, nil, "outside delete " + subnet + " undone"},
		"the code wants it": {Plan{Planned: change(subnet, "update", attributes("tags.a", `"1"`, `"2"`))}, nil, "code update " + subnet},
		"both at once": {
			Plan{Outside: change(subnet, "update", attributes("tags.a", "", `"1"`)), Planned: change(subnet, "update", attributes("tags.a", `"1"`, "", "map_public_ip", "true", "false"))},
			nil,
			"outside update " + subnet + " undone | code update " + subnet,
		},
		"undone, and tags_all with it": {
			Plan{Outside: change(subnet, "update", attributes("tags.a", "", `"1"`)), Planned: change(subnet, "update", attributes("tags.a", `"1"`, "", "tags_all.a", `"1"`, ""))},
			nil,
			"outside update " + subnet + " undone",
		},
		"a whole list against its entries": {
			Plan{Outside: change(subnet, "update", attributes("cidrs[0]", "", `"10.0.0.0/8"`)), Planned: change(subnet, "update", attributes("cidrs", "", "[]"))},
			nil,
			"outside update " + subnet + " undone",
		},
		"what refers to something deleted": {
			Plan{
				Outside: change(group, "delete", nil),
				Planned: append(change(group, "create", nil), Change{Address: subnet, Action: "update", Attributes: []Attribute{unknown("group")}}),
			},
			nil,
			"outside delete " + group + " undone | outside update " + subnet + " undone",
		},
		"only known later, nothing deleted": {Plan{Planned: []Change{{Address: subnet, Action: "update", Attributes: []Attribute{unknown("group")}}}}, nil, "code update " + subnet},
		"an empty value in another way":     {Plan{Outside: change(subnet, "update", attributes("tags", "null", "{}", "a", "", "false"))}, nil, "outside update " + subnet + " noise: the provider writes"},
		"nothing differs":                   {Plan{Outside: change(subnet, "update", nil)}, nil, "outside update " + subnet + " noise: no value"},
		"a rule of the same stack": {
			Plan{Managed: rules, Outside: typed("aws_security_group", change(group, "update", attributes(
				"ingress", "[]", "", "ingress[0].from_port", "", "5432", "ingress[0].cidr_blocks[0]", "", `"10.0.0.0/8"`, "ingress[0].self", "", "false", "ingress[0].ipv6_cidr_blocks", "", "[]")))},
			nil,
			"outside update " + group + " noise: aws_vpc_security_group_ingress_rule",
		},
		"one rule more than the stack has, of the same ports": {
			Plan{Managed: rules, Outside: typed("aws_security_group", change(group, "update", attributes(
				"ingress[0].from_port", "", "5432", "ingress[0].cidr_blocks[0]", "", `"10.0.0.0/8"`, "ingress[0].cidr_blocks[1]", "", `"0.0.0.0/0"`)))},
			nil,
			"outside update " + group,
		},
		"one rule more, by its ports": {
			Plan{Managed: rules, Outside: typed("aws_security_group", change(group, "update", attributes(
				"ingress[0].cidr_blocks[0]", "", `"10.0.0.0/8"`, "ingress[1].self", "", "true")))},
			nil,
			"outside update " + group,
		},
		"EMR's rules in a group that it manages": {
			Plan{
				Managed: []Managed{rules[0], {Type: "aws_emr_cluster", Of: []string{"sg-1"}}},
				Outside: typed("aws_security_group", change(group, "update", attributes("ingress[0].security_groups[0]", "", `"sg-2"`, "ingress[0].self", "", "true"))),
			}, nil, "outside update " + group + " noise: aws_emr_cluster",
		},
		"an address in a group that EMR manages": {
			Plan{
				Managed: []Managed{rules[0], {Type: "aws_emr_cluster", Of: []string{"sg-1"}}},
				Outside: typed("aws_security_group", change(group, "update", attributes("ingress[0].security_groups[0]", "", `"sg-2"`, "ingress[1].cidr_blocks[0]", "", `"0.0.0.0/0"`))),
			}, nil, "outside update " + group,
		},
		"a rule in a list that the state has": {
			Plan{Managed: rules, Outside: typed("aws_security_group", change(group, "update", attributes("ingress[1].from_port", "", "22", "ingress[0].from_port", "5432", "1")))},
			nil,
			"outside update " + group,
		},
		"a policy of the same stack": {
			Plan{
				Managed: []Managed{{Address: bucket, Names: []string{"log"}}, {Type: "aws_s3_bucket_policy", Of: []string{"log"}}},
				Outside: typed("aws_s3_bucket", change(bucket, "update", attributes("policy", `"{1}"`, `"{2}"`))),
			}, nil, "outside update " + bucket + " noise: aws_s3_bucket_policy",
		},
		"a policy of another bucket's": {
			Plan{
				Managed: []Managed{{Address: bucket, Names: []string{"log"}}, {Type: "aws_s3_bucket_policy", Of: []string{"backup"}}},
				Outside: typed("aws_s3_bucket", change(bucket, "update", attributes("policy", "", `"{2}"`))),
			}, nil, "outside update " + bucket,
		},
		"ignored whole": {
			Plan{Outside: change(subnet, "delete", nil), Planned: change(subnet, "create", nil)},
			[]string{"module.vpc.aws_subnet.private[a]"},
			"outside delete " + subnet + " undone noise: drift.ignore",
		},
		"one attribute ignored, the other not": {
			Plan{Outside: change(subnet, "update", attributes("tags.scanned", "", `"1"`, "tags.owner", "", `"me"`))},
			[]string{"module.*#tags.scanned"},
			"outside update " + subnet,
		},
		"an attribute ignored with what is below": {
			Plan{Outside: change(subnet, "update", attributes("tags.scanned", "", `"1"`, "tags_all[\"a b\"]", "", `"1"`))},
			[]string{"module.*#tags"},
			"outside update " + subnet + " noise: drift.ignore",
		},
		"not what only begins alike": {
			Plan{Outside: change(subnet, "update", attributes("tagset", "", `"1"`))}, []string{"module.*#tags"}, "outside update " + subnet,
		},
		"of the code too":       {Plan{Planned: change(subnet, "update", attributes("size", "1", "2"))}, []string{"*#size"}, "code update " + subnet + " noise: drift.ignore"},
		"of the code, not all":  {Plan{Planned: change(subnet, "update", attributes("size", "1", "2", "name", `"a"`, `"b"`))}, []string{"*#size"}, "code update " + subnet},
		"another's attribute":   {Plan{Planned: change(subnet, "update", attributes("size", "1", "2"))}, []string{"aws_instance.*#size"}, "code update " + subnet},
		"ignored does not hide": {Plan{Planned: change(subnet, "replace", nil)}, []string{"aws_instance.*"}, "code replace " + subnet},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ignore, err := ParseIgnore(c.ignore)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range c.plan.Judge(ignore) {
				text := string(f.Kind) + " " + f.Action + " " + f.Address
				if f.Undone {
					text += " undone"
				}
				if f.Noise != "" {
					text += " noise: " + f.Noise
				}
				got = append(got, text)
			}
			want := strings.Split(c.want, " | ")
			if c.want == "" {
				want = nil
			}
			if !slices.EqualFunc(got, want, func(g, w string) bool {
				return g == w || strings.Contains(w, "noise") && strings.HasPrefix(g, w)
			}) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

func change(address, action string, differ []Attribute) []Change {
	return []Change{{Address: address, Action: action, Attributes: differ}}
}

func typed(kind string, changes []Change) []Change {
	changes[0].Type = kind
	return changes
}

func TestOnlyWhatDiffersIsKept(t *testing.T) {
	t.Parallel()
	p := Plan{
		Outside: change("a.b", "update", attributes("x", "null", "[]", "y", "1", "2")),
		Planned: change("a.b", "update", attributes("y", "2", "1", "z", "1", "3")),
	}
	found := p.Judge(nil)
	if len(found) != 2 || len(found[0].Attributes) != 1 || found[0].Attributes[0].Path != "y" || len(found[1].Attributes) != 1 || found[1].Attributes[0].Path != "z" {
		t.Errorf("got %+v", found)
	}
}

func TestIgnoreEntries(t *testing.T) {
	t.Parallel()
	for text, refused := range map[string]string{
		"aws_instance.a":         "",
		"module.vpc.*":           "",
		"*#tags.scanned":         "",
		"task:base : *":          "",
		"instance:i-0123":        "",
		"*":                      "every resource",
		"***":                    "every resource",
		"":                       "every resource",
		"task:*":                 "every task",
		"task:":                  "every task",
		"instance:**":            "every instance",
		"#tags":                  "empty part",
		"aws_instance.a#":        "empty part",
		"aws_instance.a#*":       "only *",
		"Install the packages":   "task:",
		"aws_instance":           "has a dot",
		`a.b["x"]#tags["c d"]`:   "",
		"module.a.aws_x.y#t*.z*": "",
	} {
		err := CheckIgnore(text)
		if (err == nil) != (refused == "") || err != nil && !strings.Contains(err.Error(), refused) {
			t.Errorf("%q: %v, want %q", text, err, refused)
		}
	}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	ignore, err := ParseIgnore([]string{"task:base : Update*"})
	if err != nil {
		t.Fatal(err)
	}
	found := Hosts([]TaskChange{
		{Host: "zookeeper-1", Task: "base : Update the package index", File: ""},
		{Host: "zookeeper-1", Task: "zookeeper : Write the configuration", File: "/etc/zookeeper/zoo.cfg"},
		{Host: "zookeeper-1", Task: "zookeeper : Write the configuration", File: "/etc/zookeeper/log4j"},
		{Host: "zookeeper-2", Task: "zookeeper : Write the configuration", File: "/etc/zookeeper/zoo.cfg"},
	}, ignore)
	counting, noise := Split(found)
	if len(noise) != 1 || len(counting) != 2 || counting[0].File != "/etc/zookeeper/zoo.cfg, /etc/zookeeper/log4j" {
		t.Errorf("%+v, noise %+v", counting, noise)
	}
}

func TestMachines(t *testing.T) {
	t.Parallel()
	managed := map[string]bool{"i-1": true, "j-1": true}
	ignore, err := ParseIgnore([]string{"instance:build-*"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		machine Machine
		want    string // counts, noise or managed
	}{
		"of the state":              {Machine{ID: "i-1"}, "managed"},
		"a node of our cluster":     {Machine{ID: "i-2", Cluster: "j-1"}, "managed"},
		"a node of another cluster": {Machine{ID: "i-2", Cluster: "j-2"}, "counts"},
		"a stranger":                {Machine{ID: "i-3", Network: true}, "counts"},
		"kept on purpose":           {Machine{ID: "i-4", Guest: "restored", Tagged: true}, "noise"},
		"listed by name":            {Machine{ID: "i-5", Name: "build-7"}, "noise"},
		"not listed":                {Machine{ID: "i-5", Name: "rebuild-7", Tagged: true, Network: true}, "counts"},
	} {
		counting, noise := Split(Machines([]Machine{c.machine}, managed, ignore))
		got := "managed"
		switch {
		case len(counting) == 1:
			got = "counts"
		case len(noise) == 1:
			got = "noise"
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestSplitSorts(t *testing.T) {
	t.Parallel()
	counting, noise := Split([]Finding{
		{Kind: Instance, ID: "i-1"},
		{Kind: Host, Host: "b"},
		{Kind: Host, Host: "a"},
		{Kind: Code, Stack: "s", Address: "b"},
		{Kind: Code, Stack: "s", Address: "a", Noise: "known"},
		{Kind: Outside, Stack: "t"},
		{Kind: Outside, Stack: "s"},
	})
	var order []string
	for _, f := range counting {
		order = append(order, string(f.Kind)+f.Stack+f.Address+f.Host+f.ID)
	}
	if got := strings.Join(order, " "); got != "outsides outsidet codesb hosta hostb instancei-1" || len(noise) != 1 {
		t.Errorf("order %s, %d noise", got, len(noise))
	}
}
