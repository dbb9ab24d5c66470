package image

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"infra/internal/sandbox/engine"
)

// Seed gives a data folder from which engines start with the image at path
// loaded, making it in the folder cache when it is not there yet: loading takes
// many times as long as starting from a seed. options say where an engine may
// run meanwhile; their data folder is not touched.
func Seed(ctx context.Context, cache, path string, options engine.Options, progress func(string)) (seed string, err error) {
	hash, err := Hash()
	if err != nil {
		return "", err
	}
	version, err := engine.Version(ctx)
	if err != nil {
		return "", err
	}
	seed = filepath.Join(cache, "host-"+hash+"-"+version)
	if _, err := os.Stat(seed); err == nil {
		return seed, nil
	}
	unlock, err := lock(ctx, filepath.Join(cache, "host.lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if _, err := os.Stat(seed); err == nil { // another process was faster
		return seed, nil
	}
	progress("loading the host image into the cache, once on this machine")
	partial, err := os.MkdirTemp(cache, "seed-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(partial)) }()
	options.DataDir, options.RunDir, options.Seed = partial, filepath.Join(options.RunDir, "seed"), ""
	docker, err := engine.Start(ctx, options)
	if err != nil {
		return "", err
	}
	_, err = Import(ctx, docker.Client, path)
	if err := errors.Join(err, docker.Stop(), os.RemoveAll(options.RunDir)); err != nil {
		return "", err
	}
	if err := engine.Strip(partial); err != nil {
		return "", err
	}
	return seed, os.Rename(partial, seed)
}
