package push_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/workspace"
)

// certificate is one for a name, signed by itself, that is valid for a year from a time.
func certificate(t *testing.T, name string, from time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: from.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{name},
	}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// secure is the URL, at localhost, of a server that speaks TLS so.
func secure(t *testing.T, config *tls.Config) string {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
}

// answers is the URL of a server that answers so.
func answers(t *testing.T, status int, kind, body string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// deaf is the URL of a socket whose queue of connections is full: attempts to connect are not answered.
func deaf(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
	for { // until one is not taken any more
		c, err := net.DialTimeout("tcp", address, 200*time.Millisecond)
		if err != nil {
			return "http://" + address
		}
		t.Cleanup(func() { _ = c.Close() })
	}
}

// Each cause has a fault of its own, words that tell it, and advice that fits. The words name no address.
func TestEachCauseHasItsWords(t *testing.T) {
	now := time.Now()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	plain := strings.Replace(answers(t, 200, "text/plain", "x"), "http://", "https://", 1)
	of := func(name string, from time.Time) string {
		t.Helper()
		return secure(t, &tls.Config{Certificates: []tls.Certificate{certificate(t, name, from)}})
	}
	ago := func(years int) time.Time { return now.AddDate(-years, 0, 0) }
	old := secure(t, &tls.Config{
		Certificates: []tls.Certificate{certificate(t, "localhost", now)},
		MinVersion:   tls.VersionTLS10, MaxVersion: tls.VersionTLS11,
	})
	const page, html = "<title>Sign in</title>", "text/html"
	for name, c := range map[string]struct {
		url    string
		fault  workspace.PushFault
		words  string
		advice string
	}{
		"nobody listens":  {closed.URL, workspace.FaultRefused, "connection refused", "nothing listens"},
		"nobody answers":  {deaf(t), workspace.FaultNoConnection, "no connection was made in time", "firewall"},
		"no such name":    {"http://no-such-name.invalid/", workspace.FaultDNS, "can't be resolved", "how it is spelled"},
		"no TLS there":    {plain, workspace.FaultNoTLS, "speaks no TLS", "register it with http"},
		"unknown signer":  {of("localhost", now), workspace.FaultAuthority, "an authority", "public authority"},
		"old certificate": {of("localhost", ago(2)), workspace.FaultExpired, ago(2).UTC().Format(time.DateOnly), "renew"},
		"one to come":     {of("localhost", ago(-1)), workspace.FaultExpired, "valid only from", "renew"},
		"another name":    {of("agent.test", now), workspace.FaultWrongName, "another name", "with the name"},
		"an old TLS":      {old, workspace.FaultTLS, "the TLS handshake at its url failed", "TLS version"},
		"a wrong path":    {answers(t, 404, html, page), workspace.FaultNotFound, "HTTP 404", "the path"},
		"a path for GET":  {answers(t, 405, "text/plain", ""), workspace.FaultNotFound, "HTTP 405", "by POST"},
		"a proxy alone":   {answers(t, 502, html, page), workspace.FaultGateway, "HTTP 502", "runs behind it"},
		"a sign-in page":  {answers(t, 200, html, page), workspace.FaultPage, "Sign in", "a sign-in page"},
		"no credential":   {answers(t, 401, html, page), workspace.FaultUnauthorized, "HTTP 401", "asks for a credential"},
		"an error":        {answers(t, 500, "text/plain", "boom"), workspace.FaultHTTP, "boom", "agent's log"},
	} {
		p := push.New(push.Private, push.Patience{Answer: 2 * time.Second})
		r := p.Push(t.Context(), delivery.Target{URL: c.url}, chat.Message{ID: "m", Body: []byte(`{}`)})
		if r.Fault != c.fault || !strings.Contains(r.Why, c.words) {
			t.Errorf("%s: %+v, want %s, %q", name, r, c.fault, c.words)
		}
		if strings.Contains(r.Why, "//") || strings.Contains(r.Why, "127.0.0.1") || strings.Contains(r.Why, "agent.test") {
			t.Errorf("%s: the words show where the agent is: %s", name, r.Why)
		}
		f := workspace.Facts{
			Identity:    workspace.Identity{ID: "w", CreatedAt: now, RegisteredAt: now.Add(-time.Hour), Pushable: true},
			Credentials: workspace.Credentials{Credential: [32]byte{1}},
			Liveness:    workspace.Liveness{HeartbeatAt: now, LeaseUntil: now.Add(time.Minute)},
			PushTrouble: workspace.PushTrouble{PushFailures: 3, PushFailedAt: now, PushError: r.Why, PushFault: r.Fault},
		}
		if v := workspace.Assess(f, workspace.DefaultPolicy(), now); !strings.Contains(v.Hint, c.advice) {
			t.Errorf("%s: advice %q, want %q", name, v.Hint, c.advice)
		}
	}
}
