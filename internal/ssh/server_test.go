package ssh

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

// server is an SSH server on loopback that runs commands with the local
// shell, as sshd would, and passes connections on to the servers it knows.
type server struct {
	port        int
	publicKey   string // "ssh-ed25519 AAAA..."
	connections atomic.Int64
	forwards    map[string]int // "10.0.0.1:22" to local port
}

// clientKey makes a key pair; the private half is written to a file.
func clientKey(t *testing.T) (file string, public ssh.PublicKey) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return file, signer.PublicKey()
}

func startServer(t *testing.T, authorized ssh.PublicKey, forwards map[string]int) *server {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if !bytes.Equal(key.Marshal(), authorized.Marshal()) {
			return nil, errors.New("unknown key")
		}
		return &ssh.Permissions{}, nil
	}}
	config.AddHostKey(signer)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("listening on %v", listener.Addr())
	}
	s := &server{
		port: address.Port, forwards: forwards,
		publicKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))),
	}
	var group sync.WaitGroup
	var mutex sync.Mutex
	var open []net.Conn
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			mutex.Lock()
			open = append(open, conn)
			mutex.Unlock()
			group.Go(func() { s.serve(t.Context(), conn, config) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		mutex.Lock()
		for _, conn := range open {
			_ = conn.Close()
		}
		mutex.Unlock()
		group.Wait()
	})
	return s
}

func (s *server) serve(ctx context.Context, conn net.Conn, config *ssh.ServerConfig) {
	defer func() { _ = conn.Close() }()
	connection, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	s.connections.Add(1)
	defer func() { _ = connection.Close() }()
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		switch offered.ChannelType() {
		case "session":
			go session(ctx, offered)
		case "direct-tcpip":
			go s.forward(offered)
		default:
			_ = offered.Reject(ssh.UnknownChannelType, "no")
		}
	}
}

func session(ctx context.Context, offered ssh.NewChannel) {
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	defer func() { _ = channel.Close() }()
	for request := range requests {
		if request.Type != "exec" {
			_ = request.Reply(false, nil)
			continue
		}
		var payload struct{ Command string }
		if err := ssh.Unmarshal(request.Payload, &payload); err != nil {
			return
		}
		_ = request.Reply(true, nil)
		cmd := exec.CommandContext(ctx, "/bin/sh", "-c", payload.Command)
		cmd.Stdout, cmd.Stderr = channel, channel.Stderr()
		// A pipe of our own, so that Run does not wait for the client to close
		// stdin.
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(stdin, channel)
			_ = stdin.Close()
		}()
		var status struct{ Code uint32 }
		if err := cmd.Run(); cmd.ProcessState != nil {
			status.Code = uint32(cmd.ProcessState.ExitCode())
		} else if err != nil {
			status.Code = 127
		}
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
		return
	}
}

func (s *server) forward(offered ssh.NewChannel) {
	var target struct {
		Host       string
		Port       uint32
		Origin     string
		OriginPort uint32
	}
	if err := ssh.Unmarshal(offered.ExtraData(), &target); err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, "malformed")
		return
	}
	port, known := s.forwards[target.Host]
	if !known {
		_ = offered.Reject(ssh.ConnectionFailed, "connection refused")
		return
	}
	upstream, err := net.DialTCP("tcp", nil, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, requests, err := offered.Accept()
	if err != nil {
		_ = upstream.Close()
		return
	}
	go ssh.DiscardRequests(requests)
	go func() {
		_, _ = io.Copy(upstream, channel)
		_ = upstream.CloseWrite()
	}()
	_, _ = io.Copy(channel, upstream)
	_ = channel.Close()
	_ = upstream.Close()
}
