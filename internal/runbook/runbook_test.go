package runbook_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"infra/internal/fault"
	"infra/internal/runbook"
)

func TestEveryExitCodeHasASection(t *testing.T) {
	for code := range fault.Code(256) {
		_, known := section(strconv.Itoa(int(code)))
		if want := code.Meaning() != "unknown"; known != want {
			t.Errorf("exit code %d: a section is %t, want %t", code, known, want)
		}
	}
}

// TestEveryAlarmHasASection reads the alarms from Terraform's code: what their
// descriptions name is in the runbook, and the runbook has no other.
func TestEveryAlarmHasASection(t *testing.T) {
	named := map[string]bool{}
	resources := 0
	for _, file := range code(t) {
		keys := alarmKeys(file)
		for _, block := range file.Blocks {
			if block.Type != "resource" || block.Labels[0] != "aws_cloudwatch_metric_alarm" {
				continue
			}
			resources++
			found := reference.FindStringSubmatch(source(t, block.Body.Attributes["alarm_description"]))
			if found == nil {
				t.Errorf("%s: the description of alarm %s names no section of the runbook", block.DefRange(), block.Labels[1])
				continue
			}
			if !strings.HasPrefix(found[2], "${") {
				named[found[1]+"/"+found[2]] = true
				continue
			}
			local := regexp.MustCompile(`local\.(\w*alarms)`).FindStringSubmatch(source(t, block.Body.Attributes["for_each"]))
			if len(local) == 0 || len(keys[local[1]]) == 0 {
				t.Errorf("%s: what alarms %s has is not to be seen", block.DefRange(), block.Labels[1])
				continue
			}
			for _, key := range keys[local[1]] {
				named[found[1]+"/"+key] = true
			}
		}
	}
	if resources < 10 || len(named) < 40 {
		t.Fatalf("only %d resources with %d alarms were found", resources, len(named))
	}
	for name := range named {
		if _, ok := section(name); !ok {
			t.Errorf("alarm %s has no section", name)
		}
	}
	for _, s := range runbook.Sections() {
		if strings.Contains(s.Name, "/") && !named[s.Name] {
			t.Errorf("section %s is of no alarm", s.Name)
		}
	}
}

func TestFind(t *testing.T) {
	for name, want := range map[string][]string{
		"6":                                {"6"},
		"zookeeper/leader":                 {"zookeeper/leader"},
		"infra-prod-zookeeper-leader":      {"zookeeper/leader"},
		"infra-prod-postgresql-1-memory":   {"host/memory", "rds/memory"},
		"infra-prod-postgresql-2-swap":     {"host/swap", "rds/swap"},
		"infra-prod-emr-blue-hdfs":         {"emr/hdfs"},
		"infra-prod-emr-blue-primary-swap": {"emr/primary-swap"},
		"infra-prod-vpc-nat-eu-central-1a-PacketsDropCount": {"vpc/nat"},
		"infra-prod-zookeeper-1-disk-critical":              {"host/disk-critical"},
		"nothing":                                           nil,
	} {
		var got []string
		for _, s := range runbook.Find(name) {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// TestSectionsAreOfUse wants words and a command of infra in each.
func TestSectionsAreOfUse(t *testing.T) {
	for _, s := range runbook.Sections() {
		if s.Name == "0" {
			continue
		}
		if !strings.Contains(s.Text, "```sh\ninfra ") && !strings.Contains(s.Text, "\ninfra ") {
			t.Errorf("section %s has no command", s.Name)
		}
		if prose, _, _ := strings.Cut(s.Text, "```"); len(strings.Fields(prose)) < 3 {
			t.Errorf("section %s says nothing", s.Name)
		}
	}
}

var reference = regexp.MustCompile(`Runbook: infra runbook ([a-z]+)/(\$\{[a-z.]+\}|[a-z-]+)"`)

func section(name string) (runbook.Section, bool) {
	for _, s := range runbook.Sections() {
		if s.Name == name {
			return s, true
		}
	}
	return runbook.Section{}, false
}

// code is Terraform's of all layers and products, parsed.
func code(t *testing.T) []*hclsyntax.Body {
	t.Helper()
	files, err := filepath.Glob("../../terraform/*/*/*.tf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no code: %v", err)
	}
	var out []*hclsyntax.Body
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		parsed, problems := hclsyntax.ParseConfig(data, name, hcl.InitialPos)
		if problems.HasErrors() {
			t.Fatal(problems)
		}
		body, ok := parsed.Body.(*hclsyntax.Body)
		if !ok {
			t.Fatalf("%s is not in HCL's own syntax", name)
		}
		out = append(out, body)
	}
	return out
}

// alarmKeys are the keys of a file's locals that hold alarms, by local.
func alarmKeys(body *hclsyntax.Body) map[string][]string {
	out := map[string][]string{}
	for _, block := range body.Blocks {
		if block.Type != "locals" {
			continue
		}
		for name, attribute := range block.Body.Attributes {
			object, ok := attribute.Expr.(*hclsyntax.ObjectConsExpr)
			if !ok {
				continue
			}
			for _, item := range object.Items {
				if key := hcl.ExprAsKeyword(item.KeyExpr); key != "" {
					out[name] = append(out[name], key)
				}
			}
		}
	}
	return out
}

// source is how an attribute is written.
func source(t *testing.T, attribute *hclsyntax.Attribute) string {
	t.Helper()
	if attribute == nil {
		return ""
	}
	at := attribute.SrcRange
	data, err := os.ReadFile(at.Filename)
	if err != nil {
		t.Fatal(err)
	}
	return string(at.SliceBytes(data))
}
