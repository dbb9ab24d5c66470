package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// talking is a world whose bastion reaches, as db.internal, a server that
// repeats a line and closes.
func talking(t *testing.T) (*world, *Client) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			line, _ := bufio.NewReader(conn).ReadString('\n')
			_, _ = fmt.Fprintf(conn, "heard %s", line)
			_ = conn.Close()
		}
	}()
	w := newWorld(t)
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal(listener.Addr())
	}
	w.bastion.forwards["db.internal"] = address.Port
	c := w.open(t)
	return w, c
}

// talk says something and wants it repeated.
func talk(t *testing.T, conn net.Conn) {
	t.Helper()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("a query\n")); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(conn); err != nil || string(answer) != "heard a query\n" {
		t.Errorf("got %q, %v", answer, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

func TestForward(t *testing.T) {
	w, c := talking(t)
	f, err := c.Forward(t.Context(), w.hosts[0], []string{"db.internal:5432"})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // one connection serves many
		conn, err := f.Dial(t.Context(), "db.internal:5432")
		if err != nil {
			t.Fatal(err)
		}
		talk(t, conn)
	}
	if _, err := f.Dial(t.Context(), "other.internal:5432"); err == nil {
		t.Error("an address that is not forwarded is dialled")
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := f.Dial(t.Context(), "db.internal:5432"); err == nil {
		t.Error("it is dialled after its end")
	}
}

// An infra that is killed closes what it holds: the connection must not outlive
// it.
func TestForwardOfAKilledProcess(t *testing.T) {
	w, c := talking(t)
	f, err := c.Forward(t.Context(), w.hosts[0], []string{"db.internal:5432"})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.life.Close(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = f.cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("ssh goes on")
		_ = f.Close()
	}
}

// ssh makes its socket before it listens on it: who comes between waits.
func TestForwardBeforeItListens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	early, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(early) }()
	if err := syscall.Bind(early, &syscall.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "unix", path); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Fatalf("a socket on which nobody listens: %v", err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = syscall.Listen(early, 1) })
	f := &Forward{sockets: map[string]string{"db.internal:5432": path}}
	conn, err := f.Dial(t.Context(), "db.internal:5432")
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// TestDial speaks through the bastion to a server that only the bastion
// reaches, and wants to hear why where there is none.
func TestDial(t *testing.T) {
	w, c := talking(t)
	dialling, cancel := context.WithCancel(t.Context())
	conn, err := c.Dial(dialling, w.hosts[0], "db.internal", 5432)
	cancel() // as pgx does as soon as it is connected
	if err != nil {
		t.Fatal(err)
	}
	talk(t, conn)
	if _, err := c.Dial(dialling, w.hosts[0], "db.internal", 5432); !errors.Is(err, context.Canceled) {
		t.Errorf("dialled in vain: %v", err)
	}

	conn, err = c.Dial(t.Context(), w.hosts[0], "nowhere.internal", 5432)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(conn)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "bastion") {
		t.Errorf("got %v", err)
	}
	_ = conn.Close()
}
