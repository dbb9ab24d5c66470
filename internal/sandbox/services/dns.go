package services

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"infra/internal/sandbox/emulator"
)

// nameServer is the VPC's resolver, on udp and tcp.
type nameServer struct {
	snapshot func() emulator.Snapshot
	region   string
	front    netip.Addr
	log      *slog.Logger

	udp, tcp *dns.Server
}

// listenDNS opens both sockets of a name server on one address and port.
func listenDNS(ctx context.Context, address string, n *nameServer) (*nameServer, error) {
	var open net.ListenConfig
	listener, err := open.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	packets, err := open.ListenPacket(ctx, "udp", listener.Addr().String())
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	n.tcp = &dns.Server{Listener: listener, Handler: n}
	n.udp = &dns.Server{PacketConn: packets, Handler: n}
	return n, nil
}

// close ends both servers; a server that never started only has its socket
// closed.
func (n *nameServer) close() error {
	return errors.Join(ignoreClosed(n.tcp.Listener.Close()), ignoreClosed(n.udp.PacketConn.Close()))
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// ServeDNS answers one query from the point of view of its sender.
func (n *nameServer) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	reply := n.reply(query, addressOf(w.RemoteAddr()))
	if _, overUDP := w.RemoteAddr().(*net.UDPAddr); overUDP {
		size := dns.MinMsgSize
		if options := query.IsEdns0(); options != nil {
			size = max(size, int(options.UDPSize()))
		}
		reply.Truncate(size)
	}
	if err := w.WriteMsg(reply); err != nil {
		n.log.Debug("a DNS answer was not sent", "error", err)
	}
}

func (n *nameServer) reply(query *dns.Msg, from netip.Addr) *dns.Msg {
	reply := new(dns.Msg)
	if query.Opcode != dns.OpcodeQuery || len(query.Question) != 1 || query.Question[0].Qclass != dns.ClassINET {
		return reply.SetRcode(query, dns.RcodeNotImplemented)
	}
	snapshot := n.snapshot()
	view := View{Snapshot: snapshot, Front: n.front}
	var found bool
	if view.VPC, found = vpcAt(snapshot, from); !found {
		view.VPC.Region = n.region
	}
	answer := Resolve(view, query.Question[0])
	reply.SetRcode(query, answer.Code)
	reply.RecursionAvailable = true
	reply.Compress = true
	reply.Answer, reply.Ns = answer.Records, answer.Authority
	if query.IsEdns0() != nil {
		reply.SetEdns0(dns.DefaultMsgSize, false)
	}
	if answer.Code != dns.RcodeSuccess {
		n.log.Debug("no such name", "name", strings.ToLower(query.Question[0].Name), "from", from.String())
	}
	return reply
}
