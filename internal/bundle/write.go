package bundle

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"infra/internal/fault"
)

// Write makes the bundle file at path (0600; one that is there is replaced),
// from the manifest and the plan file of each product that has one. The same
// input gives the same bytes. The file is read back before it counts: a disk
// may be full without anybody saying so.
func Write(path string, m Manifest, plans map[string]string) (Bundle, error) {
	b, err := write(path, m, plans)
	if err != nil {
		return Bundle{}, fault.New(fault.Failed, "write the bundle "+path, err, "df -h "+filepath.Dir(path))
	}
	return b, nil
}

func write(path string, m Manifest, plans map[string]string) (_ Bundle, err error) {
	if m, err = m.complete(plans); err != nil {
		return Bundle{}, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return Bundle{}, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".infra-bundle-*") // 0600
	if err != nil {
		return Bundle{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err := errors.Join(pack(f, m, plans), f.Sync(), f.Close()); err != nil {
		return Bundle{}, err
	}
	digest, err := readBack(f.Name(), m)
	if err != nil {
		return Bundle{}, fmt.Errorf("it was not written as it should: %w", err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return Bundle{}, err
	}
	return Bundle{Manifest: m, Path: path, Digest: digest, plans: plans}, nil
}

// complete fills in what follows from the plan files and checks the rest.
func (m Manifest) complete(plans map[string]string) (Manifest, error) {
	m.Schema = Schema
	m.Created, m.Expires = m.Created.UTC().Truncate(time.Second), m.Expires.UTC().Truncate(time.Second)
	stacks := make([]Stack, 0, len(m.Stacks))
	used := 0
	for _, s := range m.Stacks {
		if file, ok := plans[s.Product]; ok {
			used++
			sum, err := digestOf(file)
			if err != nil {
				return m, err
			}
			if s.SHA256 != "" && s.SHA256 != sum {
				return m, fmt.Errorf("the plan file of %s changed since it was made", s.Product)
			}
			s.File, s.SHA256 = planName(s.Product), sum
		}
		stacks = append(stacks, s)
	}
	if used != len(plans) {
		return m, fmt.Errorf("of %d plan files %d belong to no stack", len(plans), len(plans)-used)
	}
	m.Stacks = stacks
	return m, m.check()
}

// digestOf is the SHA-256 of a plan file, which must not be empty.
func digestOf(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	n, err := io.Copy(hash, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if n == 0 || n > planLimit {
		return "", fmt.Errorf("the plan file %s has %d bytes", file, n)
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// pack writes the archive. Nothing of the machine or the moment goes in.
func pack(to io.Writer, m Manifest, plans map[string]string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if len(text) > manifestLimit {
		return fmt.Errorf("the manifest has %d bytes, the limit is %d", len(text), manifestLimit)
	}
	packed := gzip.NewWriter(to)
	archive := tar.NewWriter(packed)
	if err := archive.WriteHeader(header(manifestName, int64(len(text)))); err != nil {
		return err
	}
	if _, err := archive.Write(text); err != nil {
		return err
	}
	for _, s := range m.Stacks {
		if s.File == "" {
			continue
		}
		if err := packPlan(archive, s, plans[s.Product]); err != nil {
			return err
		}
	}
	return errors.Join(archive.Close(), packed.Close())
}

func packPlan(archive *tar.Writer, s Stack, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		err = archive.WriteHeader(header(s.File, info.Size()))
	}
	if err == nil {
		_, err = io.Copy(archive, f)
	}
	return errors.Join(err, f.Close())
}

func header(name string, size int64) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: time.Unix(0, 0).UTC(), Format: tar.FormatUSTAR}
}

// readBack reads a bundle that was just written; its digest is the answer.
func readBack(path string, m Manifest) (string, error) {
	got, digest, err := read(path, func(string) (io.WriteCloser, error) { return nowhere{}, nil })
	if err != nil {
		return "", err
	}
	if len(got.Stacks) != len(m.Stacks) || got.Run != m.Run {
		return "", errors.New("it holds something else")
	}
	return digest, nil
}

// nowhere takes what is only read to be checked.
type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (nowhere) Close() error                { return nil }
