// Package services gives the hosts of a sandbox what AWS gives an EC2 instance
// on link-local addresses: instance metadata (IMDSv2) on 169.254.169.254, the
// VPC's name server on 169.254.169.253, and on 169.254.169.250 a TLS front
// that answers for every *.amazonaws.com name with the sandbox's own authority
// and hands the requests to the AWS API emulator.
//
// The sockets are opened inside the sandbox's network namespace, everything
// else stays where the daemon is: connections to the emulator leave from the
// machine's own network. All answers are computed from one snapshot of the
// emulator and from the address of who asks, so the pure parts (Tree, Resolve)
// need no server to be tested.
package services

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"infra/internal/fault"
	"infra/internal/sandbox/emulator"
)

// The addresses of the services inside the namespace.
const (
	MetadataAddress = "169.254.169.254:80"
	DNSAddress      = "169.254.169.253:53"
	FrontAddress    = "169.254.169.250:443"
)

// Config says where the services listen and what they answer from.
type Config struct {
	// Namespace is the path of the network namespace the sockets are opened
	// in, e.g. /run/netns/infra-0a1b2c3d. Empty: the current namespace.
	Namespace string
	// EmulatorURL is the AWS API as the daemon reaches it, e.g.
	// http://127.0.0.1:4566.
	EmulatorURL string
	// Dir keeps the authority's certificate and key (0700, key 0600).
	Dir string
	// Region is the region of callers that belong to no VPC.
	Region string
	// Snapshot gives the emulator's current resources; it is called on every
	// request and must be cheap and safe to call concurrently.
	Snapshot func() emulator.Snapshot
	// Log receives what goes wrong while serving. Nil: nothing is logged.
	Log *slog.Logger

	// Listening addresses (host:port); empty means the constants above.
	MetadataAddress string
	DNSAddress      string
	FrontAddress    string
	// FrontIP is what *.amazonaws.com resolves to. Zero: the host part of
	// FrontAddress.
	FrontIP netip.Addr
}

// Services are running listeners. Close them.
type Services struct {
	authority *authority
	metadata  net.Listener
	front     net.Listener
	dns       *nameServer

	servers []*http.Server
	serving sync.WaitGroup
	stop    func() bool
	closing sync.Once
	err     error
}

// Start opens all listeners and serves until ctx ends or Close is called. It
// fails, with nothing left open, when an address cannot be bound.
func Start(ctx context.Context, config Config) (*Services, error) {
	config, emulatorURL, err := config.complete()
	if err != nil {
		return nil, fault.New(fault.Failed, "start the sandbox's link-local services", err, "")
	}
	authority, err := openAuthority(config.Dir)
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return nil, fmt.Errorf("make a key for metadata tokens: %w", err)
	}
	s := &Services{authority: authority}
	err = inNamespace(config.Namespace, func() error { return s.listen(ctx, config) })
	if err != nil {
		return nil, fault.New(fault.Failed, "open the sandbox's link-local services", errors.Join(err, s.closeListeners()),
			"end whatever listens there, or run: infra sandbox down, then: infra sandbox up")
	}
	s.serve(config, &metadataServer{
		snapshot:    config.Snapshot,
		credentials: newCredentials(emulator.NewClient(emulatorURL.String()).InstanceCredentials, time.Now),
		tokens:      tokens{key: key, now: time.Now},
		log:         config.Log,
	}, newFront(emulatorURL, config.Log))
	s.stop = context.AfterFunc(ctx, func() {
		if err := s.Close(); err != nil {
			config.Log.Error("close the link-local services", "error", err)
		}
	})
	return s, nil
}

// CACertificate is the authority's certificate in PEM, for the hosts' trust
// stores.
func (s *Services) CACertificate() []byte { return s.authority.pem }

// Close ends all services and waits until they are gone. Open requests are cut
// off: the hosts that made them are being removed. It may be called twice.
func (s *Services) Close() error {
	s.closing.Do(func() {
		if s.stop != nil {
			s.stop()
		}
		var errs []error
		for _, server := range s.servers {
			errs = append(errs, server.Close())
		}
		errs = append(errs, s.dns.close())
		s.serving.Wait()
		s.err = errors.Join(errs...)
	})
	return s.err
}

func (c Config) complete() (Config, *url.URL, error) {
	if c.MetadataAddress == "" {
		c.MetadataAddress = MetadataAddress
	}
	if c.DNSAddress == "" {
		c.DNSAddress = DNSAddress
	}
	if c.FrontAddress == "" {
		c.FrontAddress = FrontAddress
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if !c.FrontIP.IsValid() {
		front, err := netip.ParseAddrPort(c.FrontAddress)
		if err != nil {
			return c, nil, fmt.Errorf("address of the TLS front: %w", err)
		}
		c.FrontIP = front.Addr()
	}
	if c.Snapshot == nil {
		return c, nil, errors.New("no snapshot to answer from")
	}
	emulatorURL, err := url.Parse(c.EmulatorURL)
	if err != nil {
		return c, nil, fmt.Errorf("address of the emulator: %w", err)
	}
	if emulatorURL.Scheme == "" || emulatorURL.Host == "" {
		return c, nil, fmt.Errorf("address of the emulator: %q is no URL", c.EmulatorURL)
	}
	return c, emulatorURL, nil
}

// listen opens every socket on the calling thread, which is inside the
// namespace; the addresses are literal, so no resolver moves the work to
// another thread.
func (s *Services) listen(ctx context.Context, config Config) error {
	var open net.ListenConfig
	var err error
	if s.metadata, err = open.Listen(ctx, "tcp", config.MetadataAddress); err != nil {
		return err
	}
	if s.front, err = open.Listen(ctx, "tcp", config.FrontAddress); err != nil {
		return err
	}
	s.dns, err = listenDNS(ctx, config.DNSAddress, &nameServer{
		snapshot: config.Snapshot, region: config.Region, front: config.FrontIP, log: config.Log,
	})
	return err
}

// closeListeners undoes a listen that failed half way.
func (s *Services) closeListeners() error {
	var errs []error
	for _, listener := range []net.Listener{s.metadata, s.front} {
		if listener != nil {
			errs = append(errs, listener.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *Services) serve(config Config, metadata, front http.Handler) {
	noise := slog.NewLogLogger(config.Log.Handler(), slog.LevelDebug)
	metadataHTTP := &http.Server{Handler: metadata, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: time.Minute, ErrorLog: noise}
	frontHTTP := &http.Server{
		Handler: front, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: noise,
		TLSConfig: s.authority.tlsConfig(), Protocols: onlyHTTP1(),
	}
	s.servers = []*http.Server{metadataHTTP, frontHTTP}
	run := func(what string, serve func() error) {
		s.serving.Go(func() {
			if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				config.Log.Error("a link-local service ended", "service", what, "error", err)
			}
		})
	}
	run("metadata", func() error { return metadataHTTP.Serve(s.metadata) })
	run("tls", func() error { return frontHTTP.ServeTLS(s.front, "", "") })
	run("dns over udp", s.dns.udp.ActivateAndServe)
	run("dns over tcp", s.dns.tcp.ActivateAndServe)
}

// onlyHTTP1 keeps the front at HTTP/1.1: the emulator speaks nothing newer, and
// so pgBackRest sees what S3 gives it.
func onlyHTTP1() *http.Protocols {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	return &protocols
}
