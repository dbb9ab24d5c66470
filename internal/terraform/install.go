// Package terraform runs Terraform: it finds or installs the pinned version,
// prepares one data directory a stack, and turns its event stream into
// changes, progress and errors. It is the only importer of terraform-exec
// and hc-install.
package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/hashicorp/go-version"
	install "github.com/hashicorp/hc-install"
	"github.com/hashicorp/hc-install/fs"
	"github.com/hashicorp/hc-install/product"
	"github.com/hashicorp/hc-install/releases"
	"github.com/hashicorp/hc-install/src"

	"infra/internal/fault"
)

// Version is the Terraform that infra is tested with.
const Version = "1.11.4"

// Find looks for the pinned Terraform on PATH and in the project, without
// installing anything.
func Find(ctx context.Context, project string) (string, error) {
	return installer(ctx, []src.Source{found(project)})
}

// Install returns the path of the pinned Terraform: from PATH, from an
// earlier installation in the project, or downloaded with its checksum and
// signature verified.
func Install(ctx context.Context, project string, progress func(string)) (string, error) {
	if path, err := Find(ctx, project); err == nil {
		return path, nil
	}
	dir := filepath.Join(project, ".infra", "terraform", Version)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // programs in it are for everybody to run
		return "", fault.New(fault.Failed, "make the folder of Terraform", err, "")
	}
	progress("downloading Terraform " + Version)
	path, err := installer(ctx, []src.Source{&releases.ExactVersion{
		Product: product.Terraform, Version: version.Must(version.NewVersion(Version)), InstallDir: dir,
	}})
	if err != nil {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		return "", fault.New(fault.Failed, "install Terraform "+Version, err,
			fmt.Sprintf("put terraform %s on PATH (https://developer.hashicorp.com/terraform/install), then try again", Version))
	}
	return path, nil
}

func found(project string) src.Source {
	return &fs.ExactVersion{
		Product: quiet(), Version: version.Must(version.NewVersion(Version)),
		ExtraPaths: []string{filepath.Join(project, ".infra", "terraform", Version)},
	}
}

// quiet is Terraform as a product whose version is asked without the caller's
// environment: with TF_CLI_ARGS set, it would answer with an error and be
// taken for missing.
func quiet() product.Product {
	terraform := product.Terraform
	terraform.GetVersion = func(ctx context.Context, path string) (*version.Version, error) {
		cmd := exec.CommandContext(ctx, path, "version", "-json")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "CHECKPOINT_DISABLE=1"}
		out, err := cmd.Output()
		if err != nil {
			return nil, err
		}
		var said struct {
			Version *version.Version `json:"terraform_version"`
		}
		if err := json.Unmarshal(out, &said); err != nil {
			return nil, err
		}
		if said.Version == nil {
			return nil, errors.New("it does not tell its version")
		}
		return said.Version, nil
	}
	return terraform
}

func installer(ctx context.Context, sources []src.Source) (string, error) {
	path, err := install.NewInstaller().Ensure(ctx, sources)
	if err != nil {
		return "", err
	}
	if path == "" {
		return "", errors.New("not found")
	}
	return path, nil
}
