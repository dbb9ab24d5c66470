package services

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"infra/internal/fault"
)

// The life of the authority and of the certificates that it signs. Clocks of
// hosts are the machine's, an hour back is slack enough.
const (
	authorityLife = 10 * 365 * 24 * time.Hour
	leafLife      = 30 * 24 * time.Hour
	clockSlack    = time.Hour
	// maxLeaves bounds the memory that a caller who makes up names can take.
	maxLeaves = 1024
)

// authority signs a certificate for every *.amazonaws.com name asked for.
type authority struct {
	pem         []byte
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey

	mu      sync.Mutex
	leafKey *ecdsa.PrivateKey
	leaves  map[string]*tls.Certificate
}

// openAuthority reads dir/ca.pem and dir/ca-key.pem. It makes them when there
// are none or when less than a tenth of their life is left.
func openAuthority(dir string) (*authority, error) {
	op := "open the sandbox's certificate authority in " + dir
	certificatePath, keyPath := filepath.Join(dir, "ca.pem"), filepath.Join(dir, "ca-key.pem")
	a, err := readAuthority(certificatePath, keyPath)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && time.Until(a.certificate.NotAfter) < authorityLife/10) {
		a, err = writeAuthority(dir, certificatePath, keyPath)
	}
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra sandbox reset")
	}
	if a.leafKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	a.leaves = map[string]*tls.Certificate{}
	return a, nil
}

func readAuthority(certificatePath, keyPath string) (*authority, error) {
	text, err := os.ReadFile(certificatePath)
	if err != nil {
		return nil, err
	}
	keyText, err := os.ReadFile(keyPath)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(text, keyText)
	if err != nil {
		return nil, err
	}
	key, isECDSA := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !isECDSA || !pair.Leaf.IsCA {
		return nil, errors.New("ca.pem and ca-key.pem are not an authority made by infra")
	}
	return &authority{pem: text, certificate: pair.Leaf, key: key}, nil
}

func writeAuthority(dir, certificatePath, keyPath string) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"infra"}, CommonName: "infra sandbox " + now.UTC().Format(time.RFC3339)},
		NotBefore: now.Add(-clockSlack), NotAfter: now.Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage:                    x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		PermittedDNSDomainsCritical: true,
		PermittedDNSDomains:         []string{"amazonaws.com"},
	}
	der, err := sign(template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyText := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	// The key first: a certificate on disk means that both are there.
	if err := writeWhole(keyPath, keyText, 0o600); err != nil {
		return nil, err
	}
	if err := writeWhole(certificatePath, text, 0o644); err != nil {
		return nil, err
	}
	return &authority{pem: text, certificate: certificate, key: key}, nil
}

// writeWhole leaves either the old file or the whole new one.
func writeWhole(path string, content []byte, mode os.FileMode) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Chmod(mode), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return nil
}

// sign makes a certificate with a random serial number.
func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	return x509.CreateCertificate(rand.Reader, template, parent, public, key)
}

// tlsConfig answers a handshake with a certificate for the very name asked for.
func (a *authority) tlsConfig() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) { return a.leaf(hello.ServerName) },
	}
}

// leaf gives the certificate for a name below amazonaws.com, from the cache
// while more than a third of its life is left.
func (a *authority) leaf(name string) (*tls.Certificate, error) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !strings.HasSuffix(name, ".amazonaws.com") {
		return nil, fmt.Errorf("no certificate for %q: the sandbox answers for *.amazonaws.com only", name)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if held, found := a.leaves[name]; found && time.Until(held.Leaf.NotAfter) > leafLife/3 {
		return held, nil
	}
	now := time.Now()
	der, err := sign(&x509.Certificate{
		Subject:   pkix.Name{Organization: []string{"infra sandbox"}},
		DNSNames:  []string{name},
		NotBefore: now.Add(-clockSlack), NotAfter: now.Add(leafLife),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.certificate, &a.leafKey.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign a certificate for %s: %w", name, err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	if len(a.leaves) >= maxLeaves {
		clear(a.leaves)
	}
	certificate := &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.leafKey, Leaf: parsed}
	a.leaves[name] = certificate
	return certificate, nil
}
