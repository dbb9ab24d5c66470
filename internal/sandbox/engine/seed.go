package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A seed is a data folder that holds images and nothing else. Engines that
// start from it share its layers, mounted read-only inside their own mount
// namespace, so that a new engine has the images at once, and removing it
// removes no layer.
const (
	imagesDir = "image"
	layersDir = "overlay2"
	linksDir  = "l"
	layerDir  = "diff"
)

// Version names the format of data folders: 12 hex digits that change with
// the version of dockerd.
func Version(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, "dockerd", "--version").Output()
	if err != nil {
		return "", fmt.Errorf("dockerd --version: %w", err)
	}
	sum := sha256.Sum256(bytes.TrimSpace(output))
	return hex.EncodeToString(sum[:6]), nil
}

// Strip makes the data folder of an engine that has ended a seed.
func Strip(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if entry.Name() != imagesDir && entry.Name() != layersDir {
			errs = append(errs, os.RemoveAll(filepath.Join(dir, entry.Name())))
		}
	}
	if layers, err := layersOf(dir); err != nil || len(layers) == 0 {
		errs = append(errs, err, fmt.Errorf("%s holds no layers of the overlay2 driver", dir))
		return errors.Join(errs...)
	}
	return errors.Join(errs...)
}

// plant makes a new data folder that knows the images of a seed. The layers
// are empty folders until graft mounts them.
func plant(seed, dir string) error {
	if err := os.CopyFS(filepath.Join(dir, imagesDir), os.DirFS(filepath.Join(seed, imagesDir))); err != nil {
		return fmt.Errorf("copy the engine's images: %w", err)
	}
	layers, err := layersOf(seed)
	if err != nil {
		return err
	}
	for _, layer := range layers {
		from, to := filepath.Join(seed, layersDir, layer), filepath.Join(dir, layersDir, layer)
		link, err := os.ReadFile(filepath.Join(from, "link"))
		if err != nil {
			return fmt.Errorf("read a layer of the engine's images: %w", err)
		}
		links := filepath.Join(dir, layersDir, linksDir)
		err = errors.Join(
			os.MkdirAll(filepath.Join(to, layerDir), 0o711), //nolint:gosec // dockerd's own mode
			os.MkdirAll(links, 0o711),                       //nolint:gosec // dockerd's own mode
			os.WriteFile(filepath.Join(to, "link"), link, 0o600),
			os.Symlink(filepath.Join("..", layer, layerDir), filepath.Join(links, string(bytes.TrimSpace(link)))),
		)
		if err != nil {
			return fmt.Errorf("make a layer of the engine's images: %w", err)
		}
	}
	return nil
}

// layersOf lists the layers in a data folder.
func layersOf(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, layersDir))
	if err != nil {
		return nil, err
	}
	var layers []string
	for _, entry := range entries {
		_, err := os.Stat(filepath.Join(dir, layersDir, entry.Name(), layerDir))
		if err == nil {
			layers = append(layers, entry.Name())
		} else if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ENOTDIR) {
			return nil, err
		}
	}
	return layers, nil
}
