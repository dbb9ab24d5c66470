package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// TestDial speaks through the bastion to a server that only the bastion
// reaches, and wants to hear why where there is none.
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
