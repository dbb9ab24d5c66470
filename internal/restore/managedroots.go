package restore

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// mostRoots bounds a bundle of certificates, in bytes.
const mostRoots = 4 << 20

// managedRoots are the certificates that those of RDS in a region come from:
// out of a file, or as AWS publishes them.
func managedRoots(ctx context.Context, region, file string) (*x509.CertPool, error) {
	var bundle []byte
	var err error
	if file != "" {
		bundle, err = os.ReadFile(file)
	} else {
		bundle, err = publishedRoots(ctx, region)
	}
	if err != nil {
		return nil, fmt.Errorf("read the certificates that RDS's come from (--ca FILE names others): %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(bundle) {
		return nil, errors.New("read the certificates that RDS's come from: there are none in PEM form")
	}
	return pool, nil
}

// rootsAddress is where AWS publishes them.
// Source: Amazon RDS User Guide, "Using SSL/TLS to encrypt a connection to a DB instance".
func rootsAddress(region string) (string, error) {
	host := "truststore.pki.rds.amazonaws.com"
	switch {
	case strings.HasPrefix(region, "us-gov-"):
		host = "truststore.pki.us-gov-west-1.rds.amazonaws.com"
	case strings.HasPrefix(region, "cn-"):
		return "", errors.New("for regions in China AWS has no address for all: download the bundle of " + region)
	}
	return "https://" + host + "/" + region + "/" + region + "-bundle.pem", nil
}

func publishedRoots(ctx context.Context, region string) ([]byte, error) {
	address, err := rootsAddress(region)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }() // only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answers %s", address, response.Status)
	}
	return io.ReadAll(io.LimitReader(response.Body, mostRoots))
}
