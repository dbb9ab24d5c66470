package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"infra/internal/environment"
)

// standing is what stands in the way in a folder: everything but a repository
// that git made. A folder that is not there is empty.
func standing(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Name() == ".git" {
			continue
		}
		name := entry.Name()
		if entry.IsDir() {
			name += "/"
		}
		names = append(names, name)
	}
	return names, nil
}

// listed names what there is, and counts what would be too much.
func listed(names []string) string {
	const most = 12
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// stagePrefix begins the names of folders that are being filled.
const stagePrefix = ".infra-init-"

// makeStage makes the folder that the project is written to first: on the file
// system of its place. A folder that is there stays the one that its owner's
// shell is in, so the project is made within it; a new one is made beside it.
func makeStage(dir string) (string, error) {
	at := filepath.Dir(dir)
	if _, err := os.Stat(dir); err == nil {
		at = dir
	} else if err := os.MkdirAll(at, 0o755); err != nil { //nolint:gosec // as mkdir -p does
		return "", err
	}
	return os.MkdirTemp(at, stagePrefix)
}

// settle moves the project to its place: as a whole when that is new, else
// part by part. The environments go last, because only with them is a folder a
// project; when a part cannot be moved, those before it are taken back.
func settle(stage, dir string) error {
	if filepath.Dir(stage) != filepath.Clean(dir) {
		if err := os.Chmod(stage, 0o755); err != nil { //nolint:gosec // a temporary folder is its maker's alone
			return err
		}
		return os.Rename(stage, dir)
	}
	entries, err := os.ReadDir(stage)
	if err != nil {
		return err
	}
	var names []string
	for _, entry := range entries {
		if entry.Name() != environment.Folder {
			names = append(names, entry.Name())
		}
	}
	names = append(names, environment.Folder)
	for i, name := range names {
		if err := moveNew(filepath.Join(stage, name), filepath.Join(dir, name)); err != nil {
			for _, moved := range slices.Backward(names[:i]) {
				err = errors.Join(err, os.Rename(filepath.Join(dir, moved), filepath.Join(stage, moved)))
			}
			return err
		}
	}
	return nil
}

// moveNew moves what must not replace anything.
func moveNew(from, to string) error {
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s has come meanwhile: %w", to, errors.Join(err, fs.ErrExist))
	}
	return os.Rename(from, to)
}
