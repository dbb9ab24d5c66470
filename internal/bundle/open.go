package bundle

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"infra/internal/fault"
)

// again is what to type for a new bundle.
const again = "infra plan ENV --out FILE"

// Open checks the bundle file at path and puts its plan files into the folder
// dir (0600, PRODUCT.tfplan; none may be there yet). Anything that is not a
// bundle as Write makes it, or whose plans have not the SHA-256 of the
// manifest, is refused (exit 3) and leaves nothing in dir; sizes are bounded,
// and nothing is written outside of dir. What the manifest says was approved
// by nobody until its Digest has been compared with the ledger's.
func Open(path, dir string) (Bundle, error) {
	op := "open the bundle " + path
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Bundle{}, fault.New(fault.Failed, op, err, "")
	}
	var made []string
	m, digest, err := read(path, func(name string) (io.WriteCloser, error) {
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			made = append(made, name)
		}
		return f, err
	})
	if err != nil {
		for _, name := range made {
			err = errors.Join(err, root.Remove(name))
		}
	}
	err = errors.Join(err, root.Close())
	var bad *badError
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(made) == 0:
		return Bundle{}, fault.New(fault.Usage, op, errors.New("there is no such file"), again)
	case errors.As(err, &bad):
		return Bundle{}, fault.New(fault.Refused, op, err, again)
	case err != nil:
		return Bundle{}, fault.New(fault.Failed, op, err, "df -h "+dir)
	}
	plans := map[string]string{}
	for _, s := range m.Stacks {
		if s.File != "" {
			plans[s.Product] = filepath.Join(dir, s.File)
		}
	}
	return Bundle{Manifest: m, Path: path, Digest: digest, plans: plans}, nil
}

// badError is a file that is no bundle, or a damaged one.
type badError struct{ err error }

func (e *badError) Error() string { return e.err.Error() }
func (e *badError) Unwrap() error { return e.err }

func bad(format string, args ...any) error { return &badError{fmt.Errorf(format, args...)} }

// read checks a bundle file from its first byte to its last, hands each plan
// to what sink gives for its name, and tells the SHA-256 of exactly the bytes
// that it read.
func read(path string, sink func(name string) (io.WriteCloser, error)) (m Manifest, digest string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return m, "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	switch {
	case err != nil:
		return m, "", err
	case !info.Mode().IsRegular():
		return m, "", bad("it is no regular file")
	case info.Size() > fileLimit:
		return m, "", bad("it has %d bytes, the limit is %d", info.Size(), int64(fileLimit))
	}
	whole := sha256.New()
	// gzip reads no byte too many from a reader of single bytes: what is left
	// over shows.
	raw := bufio.NewReader(io.TeeReader(f, whole))
	packed, err := gzip.NewReader(raw)
	if err != nil {
		return m, "", bad("it is no bundle: %w", err)
	}
	packed.Multistream(false)
	if m, err = unpack(tar.NewReader(packed), sink); err != nil {
		return m, "", err
	}
	// A tar ends with zeros; the checksum of gzip comes after them.
	padding, err := io.Copy(io.Discard, io.LimitReader(packed, 1<<20))
	if err != nil {
		return m, "", bad("it is damaged: %w", err)
	}
	if padding == 1<<20 {
		return m, "", bad("something follows after its end")
	}
	if _, err := raw.ReadByte(); !errors.Is(err, io.EOF) {
		return m, "", bad("something follows after its end")
	}
	return m, hex.EncodeToString(whole.Sum(nil)), nil
}

// unpack reads the manifest and then the plans, in the manifest's order.
func unpack(archive *tar.Reader, sink func(name string) (io.WriteCloser, error)) (Manifest, error) {
	if _, err := next(archive, manifestName, manifestLimit); err != nil {
		return Manifest{}, err
	}
	text, err := io.ReadAll(archive)
	if err != nil {
		return Manifest{}, bad("it is damaged: %w", err)
	}
	m, err := parseManifest(text)
	if err != nil {
		return m, &badError{err}
	}
	left := int64(fileLimit) // for all plans together
	for _, s := range m.Stacks {
		if s.File == "" {
			continue
		}
		size, err := next(archive, s.File, min(planLimit, left))
		if err != nil {
			return m, err
		}
		left -= size
		if err := extract(archive, s, sink); err != nil {
			return m, err
		}
	}
	if _, err := archive.Next(); !errors.Is(err, io.EOF) {
		return m, bad("it holds more than its manifest names")
	}
	return m, nil
}

// next goes to the next file, which must have this name, and tells its size.
func next(archive *tar.Reader, name string, limit int64) (int64, error) {
	h, err := archive.Next()
	switch {
	case errors.Is(err, io.EOF):
		return 0, bad("it lacks %s", name)
	case err != nil:
		return 0, bad("it is damaged: %w", err)
	case h.Name != name:
		return 0, bad("it holds %q where %s should be", h.Name, name)
	case h.Typeflag != tar.TypeReg:
		return 0, bad("%s in it is no regular file", name)
	case h.Size <= 0 || h.Size > limit:
		return 0, bad("%s in it has %d bytes, the limit is %d", name, h.Size, limit)
	}
	return h.Size, nil
}

// extract copies one plan out and compares its digest.
func extract(archive io.Reader, s Stack, sink func(name string) (io.WriteCloser, error)) error {
	to, err := sink(s.File)
	if err != nil {
		return err
	}
	sum := sha256.New()
	from := &source{from: archive, sum: sum}
	_, err = io.Copy(to, from)
	err = errors.Join(err, to.Close())
	switch {
	case from.err != nil:
		return bad("it is damaged: %w", from.err)
	case err != nil:
		return err
	case hex.EncodeToString(sum.Sum(nil)) != s.SHA256:
		return bad("the plan of %s is not the one that its manifest names: its SHA-256 is %x, not %s", s.Product, sum.Sum(nil), s.SHA256)
	}
	return nil
}

// source hashes what is read and keeps the error of reading apart from that
// of writing.
type source struct {
	from io.Reader
	sum  hash.Hash
	err  error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.sum.Write(p[:n]) // a hash never fails
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}
