// Package image makes the root file system that every host of a sandbox runs:
// a Debian 12 with systemd, an SSH server, cloud-init and the packages that
// the roles install, so that hosts ask nothing of the network. It is baked
// once a machine and kept in the user's cache under a hash of its ingredients.
package image

import (
	"bufio"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"

	"infra/internal/fault"
)

// Entrypoint is the first program of a host.
const Entrypoint = "/usr/local/sbin/infra-init"

const suite = "bookworm"

//go:embed files
var files embed.FS

// Hash names the image: 12 hex digits that change with any ingredient.
func Hash() (string, error) {
	sum := sha256.New()
	packages, err := Packages()
	if err != nil {
		return "", err
	}
	if _, err := fmt.Fprintln(sum, runtime.GOARCH, arguments("", "", packages)); err != nil {
		return "", err
	}
	err = fs.WalkDir(files, "files", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := files.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%s %d\n%s", path, len(data), data)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("hash the host image's ingredients: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// Ensure gives the path of the image's root file system as a tar, baking it
// into the folder cache when it is not there yet. Only one process bakes at a
// time; progress hears what takes long.
func Ensure(ctx context.Context, cache string, progress func(string)) (path string, err error) {
	const op = "bake the image of the sandbox's hosts"
	hash, err := Hash()
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	path = filepath.Join(cache, "host-"+hash+".tar")
	if ready(path) {
		return path, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil { //nolint:gosec // a cache of public packages
		return "", fault.New(fault.Failed, op, err, "")
	}
	unlock, err := lock(ctx, filepath.Join(cache, "host.lock"))
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if ready(path) { // another process was faster
		return path, nil
	}
	progress("baking the host image, once on this machine: about 2 minutes")
	if err := bake(ctx, path, progress); err != nil {
		return "", fault.New(fault.Failed, op, err,
			"check that the Debian mirror http://deb.debian.org is reachable, then: infra sandbox up")
	}
	return path, nil
}

func ready(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

// Import loads the tar into the engine, unless it has it, and returns the
// image's reference.
func Import(ctx context.Context, docker *client.Client, path string) (reference string, err error) {
	const op = "load the host image into the sandbox's Docker Engine"
	hash, err := Hash()
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	reference = "infra-host:" + hash
	present, err := docker.ImageList(ctx, image.ListOptions{})
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	if slices.ContainsFunc(present, func(i image.Summary) bool { return slices.Contains(i.RepoTags, reference) }) {
		return reference, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	// The buffer also keeps the client from closing the file.
	source := image.ImportSource{Source: bufio.NewReaderSize(file, 1<<20), SourceName: "-"}
	answer, err := docker.ImageImport(ctx, source, reference, image.ImportOptions{
		Changes: []string{`ENTRYPOINT ["` + Entrypoint + `"]`},
	})
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	text, err := io.ReadAll(answer)
	err = errors.Join(err, answer.Close())
	if err == nil && strings.Contains(string(text), `"errorDetail"`) {
		err = errors.New(strings.TrimSpace(string(text)))
	}
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "remove "+path+", then: infra sandbox up")
	}
	return reference, nil
}
