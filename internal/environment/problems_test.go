package environment_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/environment"
	"infra/internal/fault"
)

// key is a public key that nobody has the other half of.
const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvGRh7ObiOrYPTzjkZdNYOJpf//0HYZDDjHdstLKrND nobody"

// right is a file with nothing wrong; cases add to it or stand alone.
const right = `account: "123456789012"
region: eu-west-1
ssh: {public_keys: ["` + key + `"]}
`

// network goes below right where nothing else is said about products.
const network = `products:
  pipeline:
    vpc: {cidr: 10.1.0.0/16, bastion_allowed_cidrs: [192.0.2.0/24]}
`

// write makes a project of environment files.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "environments"), 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range files {
		file := filepath.Join(dir, "environments", filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestProblems(t *testing.T) {
	pipeline := func(text string) string {
		return right + "products:\n  pipeline:\n    vpc: {cidr: 10.1.0.0/16, bastion_allowed_cidrs: [192.0.2.0/24]}\n    " + text + "\n"
	}
	vpc := func(text string) string {
		return right + "products:\n  pipeline:\n    vpc:\n      " + text + "\n"
	}
	for name, c := range map[string]struct {
		text string
		want []string // each begins a line of the error, in order
	}{
		"empty":        {"", []string{":1:1: the file is empty"}},
		"comment only": {"# nothing\n", []string{":1:1: the file is empty"}},
		"null":         {"~\n", []string{":1:1: the file is empty"}},
		"a list":       {"- a\n", []string{":1:1: a map of settings is wanted here, not a list"}},
		"a text":       {"hello\n", []string{":1:1: a map of settings is wanted here, not the text \"hello\""}},
		"bad indentation": {"account: \"1\"\nssh:\n    user: a\n  b: c\n", []string{
			":4:3: malformed YAML: did not find expected key",
		}},
		"unclosed list":       {"region: a\nssh:\n  public_keys: [a, b\naccount: x\n", []string{":3:3: malformed YAML: "}},
		"unclosed quote":      {"region: a\naccount: \"12\nssh: {}\n", []string{":2:1: malformed YAML: found unexpected end of stream"}},
		"tab":                 {"ssh:\n\tuser: admin\n", []string{":2:1: malformed YAML: a tab in the indentation; use spaces"}},
		"two values":          {"a: b: c\n", []string{":1:1: malformed YAML: mapping values are not allowed in this context"}},
		"unknown escape":      {"a: \"\\q\"\n", []string{":1:1: malformed YAML: found unknown escape character"}},
		"quote open for long": {"region: a\naccount: \"12\n" + strings.Repeat("x: [\n y]\n", 200), []string{":2:1: malformed YAML: found unexpected end of stream"}},
		"lists before":        {strings.Repeat("  - [a,\n  b]\n", 50) + "c: d\n", []string{":101:1: malformed YAML: "}},
		"second document":     {right + network + "---\na: 1\n", []string{":7:1: a second document (---) is not allowed"}},
		"NUL":                 {"region: a\nb: \x00\n", []string{":2:4: the character U+0000 is not allowed"}},
		"ANSI":                {"region: \x1b[31mred\n", []string{":1:9: the character U+001B is not allowed"}},
		"bidi":                {"# \u202egnp\n", []string{":1:3: the character U+202E is not allowed"}},
		"zero width":          {"region: eu\u200b-west-1\n", []string{":1:11: the character U+200B is not allowed"}},
		"line separator":      {"region: a\u2028\n", []string{":1:10: the character U+2028 is not allowed"}},
		"not UTF-8":           {"region: \"\xff\"\n", []string{":1:10: byte 0xff is not UTF-8 text"}},
		"carriage return":     {"region: a\rb: c\n", []string{":1:10: a carriage return without a line feed"}},
		"escaped bidi":        {right + network + "tags: {a: \"\\u202e\"}\n", []string{":7:11: the character U+202E is not allowed in a value"}},
		"escaped line end":    {right + network + "tags: {\"a\\nb\": c}\n", []string{":7:8: the character U+000A is not allowed in a key"}},
		"too large":           {"# " + strings.Repeat("x", 1<<20), []string{": the file is larger than 1024 KiB"}},
		"too deep":            {"a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n", []string{":1:1: unknown key \"a\"", ":1:16: nested deeper than 12 levels"}},
		"far too deep":        {"a: " + strings.Repeat("[", 20000) + "\n", []string{":1:1: malformed YAML: "}},
		"anchor":              {right + network + "tags: &t {a: b}\n", []string{":7:7: anchors (&t) are not allowed"}},
		"alias bomb":          {"a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]\n", []string{":1:4: anchors (&a)", ":2:4: anchors (&b)", ":3:1: unknown key \"c\"", ":3:5: aliases (*b)", ":3:8: aliases (*b)"}},
		"merge key":           {right + network + "tags:\n  <<: {a: b}\n", []string{":8:3: merge keys (<<) are not allowed"}},
		"a tag":               {right + network + "tags: !!map {a: b}\n", []string{":7:7: tags (\"!!map\") are not allowed"}},
		"key not a word":      {right + network + "? [a, b]\n: c\n", []string{":7:3: a key must be a plain word"}},
		"duplicate key":       {right + network + "region: eu-west-1\n", []string{":7:1: key \"region\" is there twice; the first is on line 2"}},
		"duplicate deep":      {right + "products:\n  pipeline:\n    vpc:\n      cidr: 10.1.0.0/16\n      cidr: 10.2.0.0/16\n", []string{":8:7: key \"cidr\" is there twice; the first is on line 7"}},
		"an address": {right + network + "notify: {slack: https://hooks.slack.com/services/T/B/hunter2}\n", []string{
			":7:17: notify.slack must be the name of an environment variable such as INFRA_SLACK_URL, never what is in it",
		}},
		"a template":          {right + network + "notify: {template: \"{{.Title\"}\n", []string{":7:20: notify.template: {{.Title is no template: "}},
		"a topic":             {right + network + "notify: {sns: alerts}\n", []string{":7:15: notify.sns must be the ARN of an SNS topic"}},
		"unknown, near":       {right + network + "regoin: x\n", []string{":7:1: unknown key \"regoin\" at the top; did you mean \"region\"? (keys here: extends, account, region,"}},
		"unknown, elsewhere":  {right + network + "zookeeper: {size: 3}\n", []string{":7:1: unknown key \"zookeeper\" at the top; it belongs in products.pipeline (keys here: "}},
		"unknown, nowhere":    {right + network + "colour: red\n", []string{":7:1: unknown key \"colour\" at the top (keys here: "}},
		"unknown layer":       {pipeline("zookeper: {size: 3}"), []string{":7:5: unknown key \"zookeper\" in products.pipeline; did you mean \"zookeeper\"? (keys here: image, vpc,"}},
		"unknown product":     {right + network + "  pipelin: {}\n", []string{":7:3: unknown key \"pipelin\" in products; did you mean \"pipeline\"?"}},
		"escaped in messages": {right + network + "\"a\\u00a0b\": 1\n", []string{":7:1: unknown key \"a\\u00a0b\" at the top"}},
		"no value":            {right + network + "protected:\n", []string{":7:11: protected has no value; give it one or leave the key out"}},
		"not a map":           {right + network + "state: bucket\n", []string{":7:8: state must be a map of settings, not the text \"bucket\""}},
		"not a list":          {vpc("zones: a"), []string{":6:5: products.pipeline.vpc.bastion_allowed_cidrs needs at least one", ":6:5: products.pipeline.vpc.cidr is required", ":7:14: products.pipeline.vpc.zones must be a list, not the text \"a\""}},
		"not a text":          {strings.Replace(right, `"123456789012"`, "123456789012", 1) + network, []string{":1:10: account must be a text, not the number 123456789012; put it in quotes: \"123456789012\""}},
		"account too short":   {strings.Replace(right, "123456789012", "1234", 1) + network, []string{":1:10: account must be an AWS account of 12 digits, such as \"123456789012\", not \"1234\""}},
		"no region":           {strings.Replace(right, "region: eu-west-1\n", "", 1) + network, []string{":1:1: region is required"}},
		"bad region":          {strings.Replace(right, "eu-west-1", "europe", 1) + network, []string{":2:9: region must be an AWS region, such as eu-west-1, not \"europe\""}},
		"not a truth value":   {right + network + "protected: yes\n", []string{":7:12: protected must be true or false, not the text \"yes\""}},
		"truth value":         {right + network + "region: true\n", []string{":7:1: key \"region\" is there twice"}},
		"not a number":        {pipeline("zookeeper: {heap_mb: many}"), []string{":7:26: products.pipeline.zookeeper.heap_mb must be a whole number, not the text \"many\""}},
		"a fraction":          {pipeline("zookeeper: {heap_mb: 512.5}"), []string{":7:26: products.pipeline.zookeeper.heap_mb must be a whole number, not the number 512.5"}},
		"another base":        {pipeline("zookeeper: {heap_mb: 0x200}"), []string{":7:26: products.pipeline.zookeeper.heap_mb must be a whole number, not the number 0x200"}},
		"beyond an int":       {pipeline("zookeeper: {heap_mb: 99999999999999999999}"), []string{":7:26: products.pipeline.zookeeper.heap_mb must be a whole number"}},
		"too small":           {pipeline("zookeeper: {heap_mb: 1}"), []string{":7:26: products.pipeline.zookeeper.heap_mb must be at least 128, not 1"}},
		"too big":             {pipeline("emr: {core_count: 5000}"), []string{":7:23: products.pipeline.emr.core_count must be at most 1000, not 5000"}},
		"even ensemble":       {pipeline("zookeeper: {size: 4}"), []string{":7:23: products.pipeline.zookeeper.size must be 1, 3, 5 or 7, not \"4\""}},
		"enum, near":          {pipeline("postgresql: {engine: postgres}"), []string{":7:26: products.pipeline.postgresql.engine must be postgresql or rds, not \"postgres\"; did you mean \"postgresql\"?"}},
		"unquoted version":    {pipeline("postgresql: {version: 15}"), []string{":7:27: products.pipeline.postgresql.version must be a text, not the number 15; put it in quotes: \"15\""}},
		"version of Debian":   {pipeline("postgresql: {version: \"16\"}"), []string{":7:27: products.pipeline.postgresql.version must be \"15\" with engine: postgresql"}},
		"instance type":       {pipeline("zookeeper: {instance_type: large}"), []string{":7:32: products.pipeline.zookeeper.instance_type must be an instance type, such as m6i.large, not \"large\""}},
		"shell":               {pipeline("zookeeper: {instance_type: \"$(id).large\"}"), []string{":7:32: products.pipeline.zookeeper.instance_type must be an instance type"}},
		"colours":             {pipeline("emr: {active: green}"), []string{":7:11: unknown key \"active\" in products.pipeline.emr"}},
		"entry twice":         {pipeline("emr: {applications: [Spark, Spark]}"), []string{":7:33: \"Spark\" is in products.pipeline.emr.applications twice; the first is on line 7"}},
		"no entries":          {pipeline("emr: {applications: []}"), []string{":7:25: products.pipeline.emr.applications must have at least 1 entries, not 0"}},
		"synchronous":         {pipeline("postgresql: {synchronous: true}"), []string{":7:31: products.pipeline.postgresql.synchronous needs standbys: 2 or more: the loss of the only one would stop all writes"}},
		"capacity":            {pipeline("emr: {core_count: 8, max_capacity: 4}"), []string{":7:40: products.pipeline.emr.max_capacity is 4, less than core_count, 8"}},
		"capacity default":    {pipeline("emr: {core_count: 80}"), []string{":7:23: products.pipeline.emr.max_capacity is 10, less than core_count, 80"}},
		"no cidr":             {right, []string{":1:1: products.pipeline.vpc.bastion_allowed_cidrs needs at least one network", ":1:1: products.pipeline.vpc.cidr is required"}},
		"cidr not one":        {vpc("cidr: 10.1.0.0\n      access: ssm"), []string{":7:13: products.pipeline.vpc.cidr must be a network such as 10.20.0.0/16, not \"10.1.0.0\""}},
		"cidr out of range":   {vpc("cidr: 10.300.0.0/16\n      access: ssm"), []string{":7:13: products.pipeline.vpc.cidr: 10.300.0.0/16 is not a valid network"}},
		"cidr, host bits":     {vpc("cidr: 10.1.2.0/16\n      access: ssm"), []string{":7:13: products.pipeline.vpc.cidr: 10.1.2.0/16 has bits set behind its /16; the network is 10.1.0.0/16"}},
		"cidr too wide":       {vpc("cidr: 10.0.0.0/8\n      access: ssm"), []string{":7:13: products.pipeline.vpc.cidr: 10.0.0.0/8 is a /8; a network of /16 to /20 is wanted"}},
		"cidr too small":      {vpc("cidr: 10.0.0.0/24\n      access: ssm"), []string{":7:13: products.pipeline.vpc.cidr: 10.0.0.0/24 is a /24"}},
		"cidr public":         {vpc("cidr: 8.8.0.0/16\n      access: ssm"), []string{":7:13: products.pipeline.vpc.cidr: 8.8.0.0/16 is not a private range"}},
		"cidr IPv6":           {vpc("cidr: \"fd00::/16\"\n      access: ssm"), []string{":7:13: products.pipeline.vpc.cidr must be a network"}},
		"two zones":           {vpc("cidr: 10.1.0.0/16\n      access: ssm\n      zones: [a, b]"), []string{":9:14: products.pipeline.vpc.zones must have at least 3 entries, not 2"}},
		"zone twice":          {vpc("cidr: 10.1.0.0/16\n      access: ssm\n      zones: [a, b, a]"), []string{":9:21: \"a\" is in products.pipeline.vpc.zones twice"}},
		"the internet":        {vpc("cidr: 10.1.0.0/16\n      bastion_allowed_cidrs: [0.0.0.0/0]"), []string{":8:31: products.pipeline.vpc.bastion_allowed_cidrs[0]: 0.0.0.0/0 lets in too much; at most a /8"}},
		"calendar":            {pipeline("postgresql: {backup: {full: nightly}}"), []string{":7:33: products.pipeline.postgresql.backup.full must be a calendar event of systemd, such as hourly, *-*-* 01:00:00 or Sun 03:30, not \"nightly\""}},
		"calendar of two":     {pipeline("postgresql: {backup: {differential: \"*:00:00\\nExecStart=id\"}}"), []string{":7:41: "}},
		"no minutes":          {pipeline("postgresql: {backup: {warn_minutes: 0}}"), []string{":7:41: products.pipeline.postgresql.backup.warn_minutes must be at least 1"}},
		"object lock":         {right + "products:\n  baseline: {backup_object_lock: on}\n" + "  pipeline:\n    vpc: {cidr: 10.1.0.0/16, bastion_allowed_cidrs: [192.0.2.0/24]}\n", []string{":5:34: products.baseline.backup_object_lock must be"}},
		"half the internet":   {pipeline("postgresql: {allowed_cidrs: [10.0.0.0/8, 128.0.0.0/1]}"), []string{":7:46: products.pipeline.postgresql.allowed_cidrs[1]: 128.0.0.0/1 lets in too much"}},
		"s3 by interface":     {vpc("cidr: 10.1.0.0/16\n      access: ssm\n      interface_endpoints: [ssm, s3]"), []string{":9:34: products.pipeline.vpc.interface_endpoints[1]: s3 has a gateway endpoint"}},
		"old release":         {pipeline("emr: {release: emr-6.15.0}"), []string{":7:20: products.pipeline.emr.release must be an EMR release of 7 or later"}},
		"no way in":           {vpc("cidr: 10.1.0.0/16\n      access: ssm\n      nat: none\n      interface_endpoints: [ssm]"), []string{":10:7: products.pipeline.vpc.interface_endpoints needs ssmmessages with access: ssm and nat: none"}},
		"endpoint, real":      {right + network + "endpoint: http://127.0.0.1:4566\n", []string{":7:11: endpoint is only for emulated environments"}},
		"endpoint missing":    {right + network + "emulated: true\n", []string{":7:11: emulated: true needs endpoint"}},
		"endpoint elsewhere":  {right + network + "emulated: true\nendpoint: http://10.0.0.1:4566\n", []string{":8:11: endpoint must be on this machine"}},
		"endpoint, password":  {right + network + "emulated: true\nendpoint: http://u:secret@127.0.0.1\n", []string{":8:11: endpoint must be an address such as http://127.0.0.1:4566"}},
		"role elsewhere":      {right + network + "role: {arn: \"arn:aws:iam::999999999999:role/x\"}\n", []string{":7:13: role.arn is in account 999999999999, the environment in 123456789012"}},
		"role, partition":     {right + network + "role: {arn: \"arn:aws-cn:iam::123456789012:role/x\"}\n", []string{":7:13: role.arn is in partition aws-cn, region eu-west-1 in aws"}},
		"role without arn":    {right + network + "role: {external_id: abc}\n", []string{":7:1: role.arn is required"}},
		"no key":              {"account: \"123456789012\"\nregion: eu-west-1\n" + network, []string{":1:1: ssh.public_keys needs at least one key"}},
		"torn key":            {strings.Replace(right, " nobody", "", 1)[:len(right)-60] + "\"]}\n" + network, []string{":3:21: ssh.public_keys[0] is not a whole OpenSSH public key"}},
		"key of another kind": {strings.Replace(right, "ssh-ed25519 ", "ssh-rsa ", 1) + network, []string{":3:21: ssh.public_keys[0] is not a whole OpenSSH public key"}},
		"tag of AWS":          {right + network + "tags: {\"AWS:x\": b}\n", []string{":7:8: the tag name \"AWS:x\" starts with aws:"}},
		"tag of infra":        {right + network + "tags: {Environment: b}\n", []string{":7:8: the tag \"Environment\" is set by infra itself"}},
		"tags but for case":   {right + network + "tags: {team: a, Team: b}\n", []string{":7:17: the tag name \"Team\" differs from \"team\" in upper and lower case only"}},
		"tag not a text":      {right + network + "tags: {cost: 12}\n", []string{":7:14: tags.cost must be a text, not the number 12; put it in quotes: \"12\""}},
		"tag, empty name":     {right + network + "tags: {\"\": a}\n", []string{":7:8: the tag name \"\" must be 1 to 128 letters"}},
		"several at once": {strings.Replace(right, "eu-west-1", "nowhere", 1) + "products:\n  pipeline:\n    vpc: {cidr: 10.0.0.0/9, zonez: [a], access: ssm}\n    zookeeper: {size: 2}\n", []string{
			":2:9: region must be",
			":6:17: products.pipeline.vpc.cidr: 10.0.0.0/9 is a /9",
			":6:29: unknown key \"zonez\" in products.pipeline.vpc; did you mean \"zones\"?",
			":7:23: products.pipeline.zookeeper.size must be",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := environment.Load(write(t, map[string]string{"here.yaml": c.text}), "here")
			if err == nil {
				t.Fatal("no error")
			}
			checkProblems(t, err, "environments/here.yaml", c.want)
		})
	}
}

// checkProblems compares an error's problems with what each must begin with,
// behind prefix.
func checkProblems(t *testing.T, err error, prefix string, want []string) {
	t.Helper()
	if code := fault.CodeOf(err); code != fault.Usage {
		t.Errorf("code %d, want %d", code, fault.Usage)
	}
	if fault.HintOf(err) == "" {
		t.Error("no hint")
	}
	var problems environment.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("not Problems: %v", err)
	}
	got := strings.Split(problems.Error(), "\n")
	if len(got) != len(want) {
		t.Fatalf("got %d problems:\n%s\nwant %d:\n%s", len(got), problems, len(want), strings.Join(want, "\n"))
	}
	for i, w := range want {
		if !strings.HasPrefix(got[i], prefix+w) {
			t.Errorf("got  %s\nwant %s", got[i], prefix+w)
		}
	}
}

// A private key pasted in place of a public one must not be repeated.
func TestSecretsAreNotRepeated(t *testing.T) {
	const secret = "b3BlbnNzaC1rZXktdjEAAAAA"
	for _, text := range []string{
		strings.Replace(right, key, "-----BEGIN OPENSSH PRIVATE KEY----- "+secret, 1) + network,
		strings.Replace(right, key, "ssh-ed25519 "+secret, 1) + network,
		right + network + "role: {external_id: \"a b " + secret + "\", arn: \"arn:aws:iam::123456789012:role/x\"}\n",
	} {
		_, err := environment.Load(write(t, map[string]string{"here.yaml": text}), "here")
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("error: %v", err)
		}
	}
}
