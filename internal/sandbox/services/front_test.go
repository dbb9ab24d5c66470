package services

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// dialFront is an HTTP transport for which every name is the TLS front, and
// which trusts the sandbox's authority alone.
func dialFront(t *testing.T, s *Services) *http.Transport {
	t.Helper()
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(s.CACertificate()) {
		t.Fatal("no certificate in the authority's PEM")
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.front.Addr().String())
		},
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestS3OverTheFront(t *testing.T) {
	t.Parallel()
	objects := map[string][]byte{}
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "SignedHeaders=") || r.Header.Get("X-Forwarded-For") != "" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		name := r.Host + r.URL.Path
		if r.Method == http.MethodPut {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			objects[name] = body
			return
		}
		if _, err := w.Write(objects[name]); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(origin.Close)
	s := start(t, origin.URL, nil)
	for _, test := range []struct {
		name      string
		pathStyle bool
		stored    string
	}{
		{"virtual host", false, "backups.s3.eu-west-1.amazonaws.com/a b/wal+1"},
		{"path", true, "s3.eu-west-1.amazonaws.com/backups/a b/wal+1"},
	} {
		client := s3.New(s3.Options{
			Region: "eu-west-1", UsePathStyle: test.pathStyle, HTTPClient: &http.Client{Transport: dialFront(t, s)},
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
			}),
		})
		content := bytes.Repeat([]byte("wal"), 1<<20)
		bucket, key := aws.String("backups"), aws.String("a b/wal+1")
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(content)}); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if _, found := objects[test.stored]; !found {
			t.Errorf("%s: nothing stored at %s", test.name, test.stored)
		}
		got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if body, err := io.ReadAll(got.Body); err != nil || !bytes.Equal(body, objects[test.stored]) {
			t.Errorf("%s: %d bytes back, %v", test.name, len(body), err)
		}
	}
}

func TestFrontStreamsAndClosesCleanly(t *testing.T) {
	t.Parallel()
	goOn := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for _, part := range []string{"one", "two"} {
			if _, err := io.WriteString(w, part); err != nil {
				t.Error(err)
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			<-goOn
		}
	}))
	t.Cleanup(origin.Close)
	s := start(t, origin.URL, nil)
	transport := dialFront(t, s)
	config := transport.TLSClientConfig.Clone()
	config.ServerName = "logs.eu-west-1.amazonaws.com"
	config.NextProtos = []string{"h2", "http/1.1"}
	connection, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", s.front.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if _, err := io.WriteString(connection, "GET / HTTP/1.1\r\nHost: logs.eu-west-1.amazonaws.com\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	// The first part must arrive while the origin still holds the second.
	var seen []byte
	for !bytes.Contains(seen, []byte("one")) {
		buffer := make([]byte, 1024)
		n, err := connection.Read(buffer)
		if err != nil {
			t.Fatalf("after %q: %v", seen, err)
		}
		seen = append(seen, buffer[:n]...)
	}
	close(goOn)
	rest, err := io.ReadAll(connection)
	if err != nil {
		t.Errorf("the end was cut off instead of closed: %v", err)
	}
	if !strings.Contains(string(rest), "two") {
		t.Errorf("the rest is %q", rest)
	}
}

func TestFrontAnswersForAWSOnly(t *testing.T) {
	t.Parallel()
	s := start(t, "http://127.0.0.1:1", nil)
	for name, want := range map[string]bool{
		"s3.eu-west-1.amazonaws.com": true, "a.b.s3.amazonaws.com": true, "example.org": false, "evilamazonaws.com": false, "": false,
	} {
		config := dialFront(t, s).TLSClientConfig.Clone()
		config.ServerName, config.InsecureSkipVerify = name, name == ""
		connection, err := (&tls.Dialer{Config: config}).DialContext(t.Context(), "tcp", s.front.Addr().String())
		if err == nil {
			err = connection.Close()
		}
		if (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		}
	}
	response, err := (&http.Client{Transport: dialFront(t, s)}).Get("https://ec2.eu-west-1.amazonaws.com/") //nolint:noctx // loopback
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusBadGateway {
		t.Errorf("without an emulator: %s, %v", response.Status, err)
	}
}
