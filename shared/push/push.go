// Package push calls agents' URLs. A URL comes from a stranger, so it is checked
// when it is registered and again, on the address it resolves to, when it is
// dialled; redirects are off and answers are bounded.
package push

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"code.dny.dev/ssrf"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
)

// Reach is which addresses agents may be pushed to at.
type Reach string

// The reaches.
const (
	Public  Reach = "public"  // addresses of the internet only
	Private Reach = "private" // any: for local use
)

// maxAnswer bounds what is read of an agent's answer, in bytes.
const maxAnswer = 1 << 20

// Pusher delivers messages over A2A's message/send.
type Pusher struct {
	reach  Reach
	guard  *ssrf.Guardian
	client *http.Client
}

var (
	_ delivery.Agents   = (*Pusher)(nil)
	_ registry.URLGuard = (*Pusher)(nil)
)

// New makes a pusher; timeout is for one whole delivery.
func New(reach Reach, timeout time.Duration) *Pusher {
	p := &Pusher{reach: reach, guard: ssrf.New(ssrf.WithAnyPort())}
	dialer := &net.Dialer{Timeout: 10 * time.Second}
	if reach != Private {
		dialer.Control = p.guard.Safe
	}
	p.client = &http.Client{
		Timeout:       timeout,
		Transport:     &http.Transport{DialContext: dialer.DialContext, TLSHandshakeTimeout: 10 * time.Second, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// Check implements registry.URLGuard on what can be told without resolving a
// name; a name that resolves to a forbidden address is stopped at dial.
func (p *Pusher) Check(raw string) error {
	forbidden := func(why string) error {
		return fault.New(fault.URLForbidden, "the agent's url can't be used: %s", why).
			WithHint("register with the http(s) URL at which the platform reaches the agent, or with delivery_mode poll", "stop")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return forbidden("it must be http:// or https:// with a host")
	}
	if len(raw) > 2048 {
		return forbidden("it is longer than 2048 characters")
	}
	if u.User != nil {
		return forbidden("it must not carry a user or password")
	}
	if p.reach == Private {
		return nil
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") || strings.HasSuffix(host, ".internal") || !strings.Contains(host, ".") && !strings.Contains(host, ":") {
		return forbidden("its host is a private name")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		network := "tcp4"
		if addr.Is6() {
			network = "tcp6"
		}
		if err := p.guard.Safe(network, netip.AddrPortFrom(addr.Unmap(), 443).String(), nil); err != nil {
			return forbidden("its address is in a private or reserved range")
		}
	}
	return nil
}

// Push implements delivery.Agents. An answer of the agent that is not an error
// is a delivery. 429 and 503 are its own word that it is busy; what else is not
// 2xx, and a JSON-RPC error, is a failure.
func (p *Pusher) Push(ctx context.Context, target string, m chat.Message) delivery.PushResult {
	if target == "" {
		return delivery.PushResult{Err: errors.New("the agent has no url")}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(m.Body))
	if err != nil {
		return delivery.PushResult{Err: err}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Rollcall-Message-Id", m.ID)
	req.Header.Set("X-Rollcall-Attempt", strconv.Itoa(len(m.Attempts)))
	if m.Source != "" {
		req.Header.Set("X-Source-Workspace-Id", m.Source)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return delivery.PushResult{Err: plain(err)}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return delivery.PushResult{Err: fmt.Errorf("the answer broke off: %w", plain(err))}
	}
	var rpc struct {
		JSONRPC string `json:"jsonrpc"`
		Error   *struct {
			Code    int    `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	isRPC := json.Unmarshal(body, &rpc) == nil
	switch {
	case m.Probe && isRPC && rpc.JSONRPC != "":
		return delivery.PushResult{} // whatever it says to a probe, it is there
	case resp.StatusCode == http.StatusTooManyRequests || resp.StatusCode == http.StatusServiceUnavailable:
		seconds, _ := strconv.Atoi(resp.Header.Get("Retry-After")) // another form means "it didn't say"
		return delivery.PushResult{Busy: true, RetryAfter: time.Duration(seconds) * time.Second}
	case resp.StatusCode >= 300:
		return delivery.PushResult{Err: fmt.Errorf("the agent answered HTTP %d", resp.StatusCode)}
	}
	if !isRPC {
		return delivery.PushResult{} // a 2xx that isn't JSON: taken, with nothing to keep
	}
	if rpc.Error != nil {
		return delivery.PushResult{Err: fmt.Errorf("the agent answered error %d: %.200s", rpc.Error.Code, rpc.Error.Message)}
	}
	return delivery.PushResult{Answer: body}
}

// Tell implements delivery.Callbacks: a POST of the message's end, guarded as a
// push is. Any 2xx is taken for heard.
func (p *Pusher) Tell(ctx context.Context, target string, m chat.Message) error {
	body, err := json.Marshal(map[string]any{
		"workspace_id": m.Workspace, "message_id": m.ID, "state": m.State, "reason": m.Reason, "settled_at": m.SettledAt, "attempts": m.Attempts, "answer": m.Answer,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Rollcall-Message-Id", m.ID)
	resp, err := p.client.Do(req)
	if err != nil {
		return plain(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("it answered HTTP %d", resp.StatusCode)
	}
	return nil
}

// tellTimeout is how long a callback may take.
const tellTimeout = 10 * time.Second

// plain is an error without the URL, which a receipt must not show to a sender.
func plain(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		if ue.Timeout() {
			return errors.New("the agent did not answer in time")
		}
		err = ue.Err
	}
	if oe, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("the agent can't be reached: %s: %w", oe.Op, oe.Err)
	}
	return err
}
