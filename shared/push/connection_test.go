package push

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
)

// counted counts what goes through a connection, in both directions.
type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.bytes.Add(int64(n))
	return n, err
}

// BenchmarkAPush is a push of 1 KB by HTTPS, with the connection of its own that each has, and as it would be on one
// that is kept. The time is that of both sides, which are in this process.
func BenchmarkAPush(b *testing.B) {
	for name, kept := range map[string]bool{"a connection each": false, "a connection kept": true} {
		b.Run(name, func(b *testing.B) {
			agent := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(rpcResult))
			}))
			defer agent.Close()
			var conns, bytes atomic.Int64
			p := New(Private, Patience{Answer: time.Minute})
			transport := p.client.Transport.(*http.Transport)
			transport.DisableKeepAlives = !kept
			trusted := agent.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			transport.TLSClientConfig = &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS13}
			dial := transport.DialContext
			transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
				conns.Add(1)
				conn, err := dial(ctx, network, address)
				return counted{conn, &bytes}, err
			}
			m := chat.Message{ID: "m", Body: chat.TextBody("m", strings.Repeat("a", 1<<10))}
			b.ReportAllocs()
			for b.Loop() {
				if r := p.Push(b.Context(), delivery.Target{URL: agent.URL}, m); r.Handover != delivery.Taken {
					b.Fatalf("%+v", r)
				}
			}
			b.ReportMetric(float64(conns.Load())/float64(b.N), "connections/op")
			b.ReportMetric(float64(bytes.Load())/float64(b.N), "bytes/op")
		})
	}
}
