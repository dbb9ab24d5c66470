package rebuild_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"infra/internal/rebuild"
)

// The shipped code fits every region.
func TestShippedCodeHasNoRegion(t *testing.T) {
	found, err := rebuild.Scan(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Errorf("%s: %s %s", f.Place(), f.Kind, f.Found)
	}
}

func TestScanFindsEachWithItsPlace(t *testing.T) {
	project := fstest.MapFS{
		"terraform/products/pipeline/main.tf": {Data: []byte(`variable "a" {
  description = "A region such as eu-west-1."
  default     = "eu-west-1" # the comment names us-east-1
}
locals {
  zone  = "eu-west-1b"
  arn   = "arn:aws:kms:us-gov-west-1:${var.account}:key/x"
  image = ["ami-0123456789abcdef0"]
  net   = { id = "vpc-0a1b2c3d", other = "not-a-vpc-zzzz" }
  ok    = "us-east-1" # rebuild:skip=this service has one region
}
`)},
		"terraform/layers/vpc/tests/vpc.tftest.hcl":       {Data: []byte(`variables { region = "eu-west-1" }`)},
		"terraform/products/pipeline/.terraform.lock.hcl": {Data: []byte(`# eu-west-1`)},
		"ansible/roles/x/tasks/main.yml":                  {Data: []byte("---\n# eu-west-1\n- name: X\n  url: https://s3.ap-southeast-2.amazonaws.com # eu-west-1\n  zone: euw1-az2\n")},
		"ansible/roles/x/meta/argument_specs.yml":         {Data: []byte("description: such as eu-west-1\n")},
		"ansible/roles/x/README.md":                       {Data: []byte("eu-west-1")},
	}
	found, err := rebuild.Scan(project)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range found {
		if f.Mend == "" {
			t.Errorf("%s: nothing is said of how to mend it", f.Place())
		}
		got = append(got, fmt.Sprintf("%s %s %s", f.Place(), f.Kind, f.Found))
	}
	want := []string{
		"ansible/roles/x/tasks/main.yml:4 region ap-southeast-2",
		"ansible/roles/x/tasks/main.yml:5 zone euw1-az2",
		"terraform/products/pipeline/main.tf:3 region eu-west-1",
		"terraform/products/pipeline/main.tf:6 zone eu-west-1b",
		"terraform/products/pipeline/main.tf:7 region us-gov-west-1",
		"terraform/products/pipeline/main.tf:8 image ami-0123456789abcdef0",
		"terraform/products/pipeline/main.tf:9 resource vpc-0a1b2c3d",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestScanNamesBrokenCode(t *testing.T) {
	_, err := rebuild.Scan(fstest.MapFS{"terraform/x.tf": {Data: []byte("variable {")}, "ansible/x.yml": {Data: []byte("")}})
	if err == nil || !strings.Contains(err.Error(), "terraform/x.tf") {
		t.Errorf("the error is %v", err)
	}
}
