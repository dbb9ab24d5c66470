package affected_test

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"infra/internal/affected"
)

func TestBlocks(t *testing.T) {
	t.Parallel()
	file := func(lines ...string) *fstest.MapFile {
		return &fstest.MapFile{Data: []byte(strings.Join(lines, "\n") + "\n")}
	}
	tree := fstest.MapFS{
		"terraform/products/pipeline/main.tf": file(
			`module "vpc" { source = "../../layers/vpc" }`, `module "away" { source = "example/away/aws" }`, ``, `resource "aws_key_pair" "operator" {}`),
		"terraform/layers/vpc/main.tf": file(
			`# checkov:skip=CKV_AWS_9:before the block, so of no block`, `resource "aws_vpc" "this" {`,
			`  #checkov:skip=CKV2_AWS_11:there is a reason; review by 2027-11`, `  # audit:skip=flow-logs:and another`, `}`),
		"terraform/layers/vpc/bastion.tf":   file(``, `module "bastion" {`, `  count  = 1`, `  source = "../host"`, `}`),
		"terraform/layers/host/main.tf":     file(`resource "aws_instance" "this" {}`),
		"terraform/layers/host/old.tf.json": file(`{"resource": {"aws_ebs_volume": {"this": {}}}}`),
	}
	blocks, err := affected.Blocks(tree, "pipeline")
	if err != nil {
		t.Fatal(err)
	}
	vpc := affected.Block{File: "terraform/layers/vpc/main.tf", Line: 2, Skips: []affected.Skip{
		{ID: "CKV2_AWS_11", Reason: "there is a reason; review by 2027-11", Line: 3}, {ID: "flow-logs", Reason: "and another", Line: 4},
	}}
	for address, want := range map[string]affected.Block{
		"aws_key_pair.operator":                         {File: "terraform/products/pipeline/main.tf", Line: 4},
		"module.vpc.aws_vpc.this":                       vpc,
		"module.vpc.module.bastion.aws_instance.this":   {File: "terraform/layers/host/main.tf", Line: 1},
		"module.vpc.module.bastion.aws_ebs_volume.this": {File: "terraform/layers/host/old.tf.json", Line: 1},
	} {
		if got := blocks[address]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", address, got, want)
		}
	}
	if len(blocks) != 4 {
		t.Errorf("%d blocks: %v", len(blocks), blocks)
	}
	tree["terraform/layers/vpc/main.tf"] = file(`resource "aws_vpc" {`)
	if _, err := affected.Blocks(tree, "pipeline"); err == nil || !strings.Contains(err.Error(), "terraform/layers/vpc/main.tf:1") {
		t.Errorf("of code that is none: %v", err)
	}
}

// Every resource of the shipped code is found at the line where it begins.
func TestBlocksOfTheShippedCode(t *testing.T) {
	t.Parallel()
	project := os.DirFS("../..")
	for product, address := range map[string]string{"baseline": "aws_s3_bucket.log", "pipeline": "module.postgresql.module.node.aws_instance.this"} {
		blocks, err := affected.Blocks(project, product)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := blocks[address]; !ok {
			t.Errorf("%s: no block of %s among %d", product, address, len(blocks))
		}
		for address, b := range blocks {
			text, err := os.ReadFile("../../" + b.File)
			if err != nil {
				t.Fatal(err)
			}
			parts := strings.Split(address, ".")
			line := strings.Split(string(text), "\n")[b.Line-1]
			if want := `resource "` + parts[len(parts)-2] + `" "` + parts[len(parts)-1] + `" {`; line != want {
				t.Errorf("%s at %s:%d is %q", address, b.File, b.Line, line)
			}
		}
	}
}

func TestUnkeyed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		`aws_vpc.this`: `aws_vpc.this`,
		`module.emr["blue"].aws_emr_cluster.this[0]`:                   `module.emr.aws_emr_cluster.this`,
		`module.a["x.y]\"[z"].aws_ebs_volume.this["data"]`:             `module.a.aws_ebs_volume.this`,
		`module.vpc.module.bastion[0].aws_instance.this (deposed ab1)`: `module.vpc.module.bastion.aws_instance.this`,
	} {
		if got := affected.Unkeyed(address); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
