package git

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"infra/internal/fault"
)

// Changes are the files that differ between two commits, relative to the
// folder that was looked at, sorted.
type Changes struct {
	Base    string   // commit that was compared with; empty: everything is new
	Paths   []string // all of them
	Deleted []string // those of Paths that are no more
}

// Since compares HEAD with a base: with the commit where their ways parted
// when forked is true, so that what the base has got since is no change of
// HEAD's; else with the base itself. A base of zeros, as pipelines name the
// state before a branch's first push, makes everything new.
func Since(ctx context.Context, dir, base string, forked bool) (Changes, error) {
	g := program{dir: dir}
	op := "find what changed since " + base
	var c Changes
	var from string
	if strings.Trim(base, "0") == "" {
		// A tree without files. Its id depends on the repository's hash.
		out, err := g.run(ctx, nil, "hash-object", "-t", "tree", "--stdin")
		if err != nil {
			return c, fault.New(fault.Failed, op, err, "git status")
		}
		from = strings.TrimSpace(out)
	} else {
		commit, err := g.commit(ctx, base)
		if err != nil {
			return c, fault.New(fault.Usage, op, err, "git fetch --unshallow origin, or name another commit: --base REF")
		}
		if forked {
			out, err := g.run(ctx, nil, "merge-base", commit, "HEAD")
			if err != nil {
				return c, fault.New(fault.Usage, op, fmt.Errorf("it has no commit in common with HEAD, or the history is cut off: %w", err), "git fetch --unshallow origin, or name another commit: --base REF")
			}
			commit = strings.TrimSpace(out)
		}
		c.Base, from = commit, commit
	}
	out, err := g.run(ctx, nil, "diff", "--name-status", "-z", "--no-renames", "--no-ext-diff", "--relative", "--ignore-submodules=none", from, "HEAD", "--")
	if err != nil {
		return c, fault.New(fault.Failed, op, err, "git status")
	}
	words := strings.Split(out, "\x00")
	for pair := range slices.Chunk(words, 2) {
		if len(pair) < 2 {
			break // what follows the last NUL
		}
		c.Paths = append(c.Paths, pair[1])
		if pair[0] == "D" {
			c.Deleted = append(c.Deleted, pair[1])
		}
	}
	slices.Sort(c.Paths)
	slices.Sort(c.Deleted)
	return c, nil
}

// commit is the commit that a name stands for, here or as the last fetch
// brought it.
func (g program) commit(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, "-") {
		return "", fmt.Errorf("%q is no name of a commit", name)
	}
	out, err := g.run(ctx, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", name+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("there is no commit %q in this checkout", name)
	}
	return strings.TrimSpace(out), nil
}

// Digest is the SHA-256, in hex, of those files of HEAD below the folder that
// belong: of their names, modes and contents as git knows them. Two commits
// have the same one exactly when these files are the same in both, whatever
// else they and their histories are.
func Digest(ctx context.Context, dir string, belongs func(path string) bool) (string, error) {
	out, err := program{dir: dir}.run(ctx, nil, "ls-tree", "-r", "-z", "HEAD")
	if err != nil {
		return "", fault.New(fault.Usage, "read the files of the commit", err, "git status")
	}
	sum := sha256.New()
	for entry := range strings.SplitSeq(out, "\x00") {
		if _, path, ok := strings.Cut(entry, "\t"); ok && belongs(path) {
			_, _ = io.WriteString(sum, entry+"\x00") // a hash never fails
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Trailers are the values of a trailer (`Name: value`, at the end of a
// commit's message) of all commits since base; of HEAD alone without one.
func Trailers(ctx context.Context, dir, base, name string) ([]string, error) {
	span := []string{"-1", "HEAD"}
	if base != "" {
		span = []string{base + "..HEAD"}
	}
	args := append([]string{"log", "--format=%(trailers:key=" + name + ",valueonly,unfold)"}, span...)
	out, err := program{dir: dir}.run(ctx, nil, append(args, "--")...)
	if err != nil {
		return nil, fault.New(fault.Failed, "read the messages of the commits", err, "git log")
	}
	var values []string
	for line := range strings.Lines(out) {
		if value := strings.TrimSpace(line); value != "" {
			values = append(values, value)
		}
	}
	return values, nil
}

// Export writes the files of one folder, as they were in a commit, below to.
func Export(ctx context.Context, dir, commit, folder, to string) error {
	op := "read " + folder + " of commit " + commit
	out, err := program{dir: dir}.run(ctx, nil, "archive", "--format=tar", commit, "--", folder)
	if err != nil {
		return fault.New(fault.Failed, op, err, "git status")
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	err = unpack(tar.NewReader(strings.NewReader(out)), root)
	if err = errors.Join(err, root.Close()); err != nil {
		return fault.New(fault.Failed, op, err, "df -h "+to)
	}
	return nil
}

// unpack writes regular files and folders, and nothing else: a link is no
// file that infra would read.
func unpack(archive *tar.Reader, root *os.Root) error {
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch h.Typeflag {
		case tar.TypeDir:
			if err := root.Mkdir(filepath.Clean(h.Name), 0o700); err != nil && !errors.Is(err, os.ErrExist) {
				return err
			}
		case tar.TypeReg:
			f, err := root.Create(h.Name)
			if err != nil {
				return err
			}
			_, err = io.Copy(f, archive)
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
		}
	}
}

// Prefix is the folder within its repository, with a slash at its end; empty
// when it is the top.
func Prefix(ctx context.Context, dir string) (string, error) {
	out, err := program{dir: dir}.run(ctx, nil, "rev-parse", "--show-prefix")
	if err != nil {
		return "", fault.New(fault.Usage, "look for the repository of "+dir, err, "git status")
	}
	return strings.TrimSpace(out), nil
}
