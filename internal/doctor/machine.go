package doctor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
	free "infra/internal/memory"
	"infra/internal/packer"
	"infra/internal/preflight"
	"infra/internal/python"
	"infra/internal/terraform"
)

const install = "infra doctor --install"

func (s Subject) terraform(ctx context.Context) Finding {
	f := Finding{Check: "Terraform " + terraform.Version}
	path, err := terraform.Find(ctx, s.Project)
	if err != nil {
		f.State, f.Detail, f.Mend = Warn, "not installed; the first plan downloads it", install
		return f
	}
	f.State, f.Detail = OK, path
	return f
}

func (s Subject) providers(ctx context.Context) Finding {
	return providers(ctx, terraform.Mirror(terraform.MirrorPlaces()), terraform.Registry)
}

// providers come from a mirror, or else from the registry, which has to answer.
func providers(ctx context.Context, mirror, registry string) Finding {
	f := Finding{Check: "Terraform providers", State: OK, Detail: "offline mirror " + mirror}
	if mirror != "" {
		return f
	}
	f.Detail = "from " + registry + ", which answers"
	if err := (preflight.Place{URL: registry}).Answers(ctx); err != nil {
		f.State, f.Detail = Warn, fmt.Sprintf("%s does not answer (%v), and there is no mirror: what is not in Terraform's cache cannot be had", registry, err)
		f.Mend = "open the way out, or set HTTPS_PROXY; or terraform providers mirror ~/.terraform.d/providers where there is a way, and bring that folder here"
	}
	return f
}

func (s Subject) python(ctx context.Context) Finding {
	f := Finding{Check: "Python " + python.Oldest + " or newer"}
	path, err := python.Find(ctx)
	if err != nil {
		f.State, f.Detail, f.Mend = Fail, err.Error(), fault.HintOf(err)
		return f
	}
	f.State, f.Detail = OK, path
	return f
}

func (s Subject) ansible(context.Context) Finding {
	f := Finding{Check: "Ansible"}
	bin, ok := python.Installed(s.Project, "ansible")
	if !ok {
		f.State, f.Detail, f.Mend = Warn, "not installed yet; the first apply installs it into .infra/python", install
		return f
	}
	f.State, f.Detail = OK, bin
	return f
}

func openssh(ctx context.Context) Finding {
	return program(ctx, "OpenSSH client", Fail, getSSH, "ssh", "-V")
}

// gitProgram is needed where a run's commit is written down and where a
// protected environment wants a clean checkout.
func gitProgram(ctx context.Context) Finding {
	return program(ctx, "git", Warn, getGit, "git", "--version")
}

// packer is needed by one command alone, which has a way without it.
func (s Subject) packer(ctx context.Context) Finding {
	f := Finding{Check: "Packer, for image build --packer", State: OK}
	bin, err := packer.Find()
	if err != nil {
		f.Detail = err.Error() + ", and nothing else needs it: " + fault.HintOf(err)
		return f
	}
	missing, err := packer.Missing(ctx, bin, os.Environ(), filepath.Join(s.Project, filepath.FromSlash(packer.Template)))
	switch {
	case err != nil:
		f.State, f.Detail, f.Mend = Warn, err.Error(), "packer version"
	case len(missing) > 0:
		f.State, f.Detail, f.Mend = Warn, bin+"; plugins that are not installed: "+strings.Join(missing, ", "), packer.Install
	default:
		f.Detail = bin + ", with its plugins"
	}
	return f
}

// program asks a program for its version; without is how bad it is that there
// is none.
func program(ctx context.Context, what string, without State, mend string, argv ...string) Finding {
	f := Finding{Check: what}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		f.State, f.Detail, f.Mend = without, argv[0]+" is not on PATH", mend
		return f
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, argv[1:]...).CombinedOutput()
	said, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	if err != nil {
		f.State, f.Detail, f.Mend = without, fmt.Sprintf("%s does not say its version: %v: %s", path, err, said), mend
		return f
	}
	f.State, f.Detail = OK, said+", "+path
	return f
}

// folder makes sure that infra may write where it keeps what it needs.
func (s Subject) folder(context.Context) Finding {
	f := Finding{Check: "project folder", State: OK, Detail: s.Project}
	at := filepath.Join(s.Project, ".infra")
	err := os.MkdirAll(at, 0o700)
	if err == nil {
		err = unix.Access(at, unix.W_OK|unix.X_OK)
	}
	if err != nil {
		f.State, f.Detail, f.Mend = Fail, at+": "+err.Error(), `sudo chown -R "$USER" `+s.Project
	}
	return f
}

// What has to be free: a provider, Ansible and a run's files take the larger
// part of the first; with less than the second not even a plan can be written.
const (
	diskWanted = 3 << 30
	diskNeeded = 512 << 20
)

func (s Subject) disk(context.Context) Finding {
	f := Finding{Check: "disk"}
	var stat unix.Statfs_t
	if err := unix.Statfs(s.Project, &stat); err != nil {
		f.State, f.Detail, f.Mend = Unknown, err.Error(), "df -h "+s.Project
		return f
	}
	free := stat.Bavail * uint64(stat.Bsize) //nolint:gosec // a block's size is positive
	f.State, f.Mend = room(free, diskWanted, diskNeeded, "du -xh "+s.Project+" | sort -h | tail")
	f.Detail = gigabytes(free) + " free below " + s.Project
	return f
}

// A Terraform with the AWS provider takes about this much.
const memoryWanted = 1 << 30

func memory(context.Context) Finding {
	f := Finding{Check: "memory"}
	available, err := free.Available()
	if err != nil {
		f.State, f.Detail, f.Mend = Unknown, err.Error(), free.Look
		return f
	}
	f.State, f.Mend = room(available, memoryWanted, 0, mostMemory)
	f.Detail = gigabytes(available) + " available; a Terraform with the AWS provider takes about 0.9 GiB"
	return f
}

// room judges what is free of something.
func room(free, wanted, needed uint64, mend string) (State, string) {
	switch {
	case free < needed:
		return Fail, mend
	case free < wanted:
		return Warn, mend
	default:
		return OK, ""
	}
}

func gigabytes(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }
