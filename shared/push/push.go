// Package push calls agents' URLs. A URL comes from a stranger, so it is checked
// when it is registered (check.go) and again, on the address that it resolves to,
// when it is dialled. Redirects are not followed, and what is read of an answer is
// bounded.
package push

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Reach says which addresses may be called.
type Reach string

// The reaches.
const (
	Public  Reach = "public"  // only addresses of the public internet
	Private Reach = "private" // every address, for local use
)

// maxAnswer is how many bytes are read of an agent's answer.
const maxAnswer = 1 << 20

// Pusher delivers messages by A2A's message/send, and calls callback URLs.
type Pusher struct {
	reach  Reach
	guard  *ssrf.Guardian
	client *http.Client
}

var (
	_ delivery.Agents    = (*Pusher)(nil)
	_ delivery.Callbacks = (*Pusher)(nil)
	_ registry.URLGuard  = (*Pusher)(nil)
)

// New makes a pusher. timeout bounds one whole delivery, answer included.
func New(reach Reach, timeout time.Duration) *Pusher {
	p := &Pusher{reach: reach, guard: ssrf.New(ssrf.WithAnyPort())}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if reach != Private {
		dialer.Control = p.guard.Safe
	}
	p.client = &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext:         dialer.DialContext,
			TLSHandshakeTimeout: 10 * time.Second,
			MaxIdleConnsPerHost: 2,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// Push implements delivery.Agents: it sends the message and reads the answer.
// resultOf decides what the answer means.
func (p *Pusher) Push(ctx context.Context, target string, m chat.Message) delivery.PushResult {
	if target == "" {
		return unreachable(workspace.FaultNetwork, "the agent has no url")
	}
	req, err := pushRequest(ctx, target, m)
	if err != nil {
		return unreachable(workspace.FaultNetwork, "its url can't be called")
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return unreached(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return unreachable(workspace.FaultBroken, "the answer broke off")
	}
	return resultOf(m.Probe, resp.StatusCode, resp.Header, body)
}

// pushRequest is the call that delivers a message.
func pushRequest(ctx context.Context, target string, m chat.Message) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(m.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Rollcall-Message-Id", m.ID)
	req.Header.Set("X-Rollcall-Attempt", strconv.Itoa(len(m.Attempts)))
	if m.Source != "" {
		req.Header.Set("X-Source-Workspace-Id", m.Source)
	}
	return req, nil
}

// unreached says why no answer came back. Its words go into a receipt, and the sender who reads that must learn neither
// the URL nor an address nor a resolver.
func unreached(err error) delivery.PushResult {
	if ue, ok := errors.AsType[*url.Error](err); ok && ue.Timeout() {
		return unreachable(workspace.FaultTimeout, "the agent did not answer in time")
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return unreachable(workspace.FaultDNS, "the name in its url can't be resolved")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return unreachable(workspace.FaultTLS, "the certificate at its url is not accepted")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return unreachable(workspace.FaultTLS, "its url is https, and what answers there speaks no TLS")
	}
	switch {
	case errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) ||
		errors.Is(err, ssrf.ErrProhibitedNetwork):
		return unreachable(workspace.FaultForbidden, "its url leads to an address that policy forbids")
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable(workspace.FaultRefused, "connection refused")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unreachable(workspace.FaultTimeout, "the agent did not answer in time")
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return unreachable(workspace.FaultBroken, "the connection was closed before an answer")
	}
	return unreachable(workspace.FaultNetwork, "the connection failed")
}
