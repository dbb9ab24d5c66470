// Package proxy stands in front of an AWS API and misbehaves by rule: it
// answers with an error, resets, says nothing, delays, drips or cuts off. It
// proves what infra, Terraform and the SDKs do when the cloud is not well.
//
// Everything else passes unchanged: the Host header and with it the caller's
// signature, the escaped path, the query and the server's Date.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"time"
)

// Proxy is a running proxy.
type Proxy struct {
	address net.Addr
	server  *http.Server
	ended   chan struct{} // closed by Close: nobody waits any longer

	mu       sync.Mutex
	rules    []*armed
	requests []Request
}

// Start listens on a free port of 127.0.0.1 and passes requests on to target,
// for example http://127.0.0.1:4566. Close ends it.
func Start(target string) (*Proxy, error) {
	to, err := url.Parse(target)
	if err != nil || to.Host == "" {
		return nil, fmt.Errorf("start a proxy: %q is not the URL of a server", target)
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a proxy: %w", err)
	}
	p := &Proxy{address: listener.Addr(), ended: make(chan struct{})}
	// What goes wrong on purpose is nobody's log entry.
	quiet := slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug)
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // it is part of the signature
			r.Out.URL.RawQuery = r.In.URL.RawQuery
		},
		// Compression is between caller and server, connections of the caller's
		// own proxy settings are not wanted.
		Transport:      &http.Transport{Proxy: nil, DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute},
		FlushInterval:  -1,
		ModifyResponse: p.spoil,
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { reset(w) },
		ErrorLog:       quiet,
	}
	p.server = &http.Server{Handler: p.handler(forward), ErrorLog: quiet, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }() // ends with ErrServerClosed
	return p, nil
}

// URL is what clients call instead of the target, without a slash at its end.
func (p *Proxy) URL() string { return "http://" + p.address.String() }

// Rules replaces all rules; none lets everything pass. Counting starts anew.
func (p *Proxy) Rules(rules ...Rule) {
	fresh := make([]*armed, 0, len(rules))
	for _, rule := range rules {
		fresh = append(fresh, &armed{Rule: rule})
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rules = fresh
}

// Requests are those that came in so far, in order of arrival.
func (p *Proxy) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// Close hangs up on everybody and stops listening. Closing twice is no error.
func (p *Proxy) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.ended:
		return nil
	default:
		close(p.ended)
		return p.server.Close()
	}
}

// handler judges each request and does what its rules say.
func (p *Proxy) handler(forward http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		came := time.Now()
		request, err := describe(r)
		if err != nil {
			reset(w)
			return
		}
		delay, fault := p.judge(&request)
		if !p.wait(r.Context(), delay) {
			reset(w)
			return
		}
		switch fault.kind {
		case nothing:
			forward.ServeHTTP(w, r)
		case answers:
			fault.answer(w, r, request.Service)
		case resets:
			reset(w)
		case stalls:
			// Only with the whole request read does the server notice a caller who
			// hangs up.
			if _, err := io.Copy(io.Discard, r.Body); err == nil {
				p.wait(r.Context(), fault.duration)
			}
			reset(w)
		default: // it is the response that is spoilt
			fault.due = came.Add(fault.duration)
			forward.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), faultKey{}, fault)))
		}
	})
}

// judge finds what happens to a request, and notes it.
func (p *Proxy) judge(request *Request) (time.Duration, Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var delay time.Duration
	var fault Fault
	for _, rule := range p.rules {
		if !rule.matches(*request) || !rule.due() {
			continue
		}
		if rule.Do.kind == delays {
			delay += rule.Do.duration
			continue
		}
		fault = rule.Do
		request.Fault = fault.String()
		break
	}
	p.requests = append(p.requests, *request)
	return delay, fault
}

// wait lets time pass; false when the caller hung up or the proxy ended. A
// duration of less than zero has no end.
func (p *Proxy) wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	var over <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		over = timer.C
	}
	select {
	case <-over:
		return true
	case <-ctx.Done():
		return false
	case <-p.ended:
		return false
	}
}

// reset ends the connection without an answer: the caller sees "connection
// reset by peer" instead of an orderly end.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // an answer has begun: cut it off
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // an orderly end is the worst that can happen
	}
	_ = connection.Close()
}

// errLost says that an answer was dropped on purpose.
var errLost = errors.New("the answer is dropped")
