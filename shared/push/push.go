// Package push calls agents' URLs. A URL comes from a stranger, so it is checked
// when it is registered (check.go) and again, on the address that it resolves to,
// when it is dialled. Redirects are not followed, and what is read of an answer is
// bounded.
package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"code.dny.dev/ssrf"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
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

// maxReceived is how many bytes are received in one call, whatever they are: also those that say nothing, as empty
// parts of a packed answer. An answer of maxAnswer that comes in chunks of one byte takes less.
const maxReceived = 8 << 20

// maxHeader is how many bytes are read of the header of an answer.
const maxHeader = 32 << 10

// maxConnect is how long the attempt to connect may take.
const maxConnect = 10 * time.Second

// Patience is how long a push may take.
type Patience struct {
	// Answer is for an answer, or for the first event of one that is streamed.
	Answer time.Duration
	// Stream is for a streamed answer. What has not come by then is not waited for.
	Stream time.Duration
}

// Pusher delivers messages to agents, and calls callback URLs.
type Pusher struct {
	reach    Reach
	patience Patience
	guard    *ssrf.Guardian
	client   *http.Client
	reading  turns
}

// readAtOnce is how many answers are read through at a time, of those that have come: the memory that this takes does
// not depend on how many agents answer a run of drains at once.
const readAtOnce = 2

// turns are a place for each that reads at a time.
type turns chan struct{}

// take waits for a place, and does what is to be done in it. No network is waited for there.
func (t turns) take(do func()) {
	t <- struct{}{}
	defer func() { <-t }()
	do()
}

var (
	_ delivery.Agents    = (*Pusher)(nil)
	_ delivery.Callbacks = (*Pusher)(nil)
	_ registry.URLGuard  = (*Pusher)(nil)
)

// New makes a pusher.
func New(reach Reach, patience Patience) *Pusher {
	p := &Pusher{reach: reach, patience: patience, guard: ssrf.New(ssrf.WithAnyPort()), reading: make(turns, readAtOnce)}
	dialer := &net.Dialer{Timeout: min(maxConnect, patience.Answer/2)}
	if reach != Private {
		dialer.Control = p.guard.Safe
	}
	p.client = &http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dialer.DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				return &receiving{Conn: conn, left: maxReceived}, nil
			},
			TLSHandshakeTimeout: 10 * time.Second,
			// It is kept until the body is read, and each name in it takes much more than its bytes.
			MaxResponseHeaderBytes: maxHeader,
			// Each call has a connection of its own. On one that was used before, the transport sends a call again by
			// itself when the agent closes it: then one attempt is two requests, and its cause that of the second.
			DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return p
}

// Push implements delivery.Agents: it sends the message and reads the answer.
// resultOf decides what the answer means.
func (p *Pusher) Push(ctx context.Context, to delivery.Target, m chat.Message) delivery.PushResult {
	if to.URL == "" {
		return unreachable(workspace.FaultNetwork, "the agent has no url")
	}
	ctx, cancel := context.WithTimeout(ctx, max(p.patience.Answer, p.patience.Stream))
	defer cancel()
	unanswered := time.AfterFunc(p.patience.Answer, cancel)
	defer unanswered.Stop()
	req, err := pushRequest(ctx, to, m)
	if err != nil {
		return unreachable(workspace.FaultNetwork, "its url can't be called")
	}
	began, _ := clock.Left(ctx)
	resp, err := p.client.Do(req)
	if err != nil {
		return unreached(err)
	}
	defer resp.Body.Close()
	answered, _ := clock.Left(ctx)
	if resp.StatusCode < http.StatusOK {
		// Nothing more is read: what comes after 101 (switching protocols) is no body, and no deadline ends it.
		return unreachable(workspace.FaultPage, "what answers there is not an agent: HTTP %d", resp.StatusCode)
	}
	if streams(resp) {
		return readStream(resp, m.Probe, p.reading, func() { unanswered.Stop() })
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case errors.Is(err, errReceived):
		return unreachable(workspace.FaultPage, "%s", receivedWords)
	case err != nil && ctx.Err() != nil:
		return unreachable(workspace.FaultTimeout, "the agent did not answer in time")
	case err != nil:
		return unreachable(workspace.FaultBroken, "the answer broke off")
	}
	var r delivery.PushResult
	p.reading.take(func() {
		cut := ""
		body = chat.WithoutMark(body)
		if len(body) > maxAnswer {
			body, cut = tooLong(body)
		}
		if r = resultOf(m.Probe, resp, body); r.Handover == delivery.Taken {
			r.Cut = cut
		}
	})
	return blameClock(r, resp, to.At, to.At.Add(began-answered))
}

// receiving is a connection on which a bounded number of bytes is received: a call has a connection of its own.
type receiving struct {
	net.Conn
	left int
}

// errReceived is the error of a read of more.
var errReceived = errors.New("too many bytes were received")

var receivedWords = fmt.Sprintf("what answers there sends more than %d MiB, and it is not over", maxReceived>>20)

// Read implements net.Conn.
func (c *receiving) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errReceived
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// succeeded reports whether an answer is a success: no other takes a message, a callback or an event.
func succeeded(resp *http.Response) bool {
	return resp.StatusCode >= http.StatusOK && resp.StatusCode < http.StatusMultipleChoices
}

// pushRequest is the call that delivers a message.
func pushRequest(ctx context.Context, to delivery.Target, m chat.Message) (*http.Request, error) {
	body := chat.TameNumbers(m.Body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json, "+eventStream)
	if chat.NewestMethod(m.Method) {
		req.Header.Set("A2a-Version", "1.0") // without it, an agent takes the call for one of A2A 0.3
	}
	req.Header.Set("Idempotency-Key", m.ID)
	req.Header.Set("X-Rollcall-Message-Id", m.ID)
	req.Header.Set("X-Rollcall-Attempt", strconv.Itoa(m.Tries()))
	if m.Source != "" {
		req.Header.Set("X-Source-Workspace-Id", m.Source)
	}
	return req, sign(req, to, m.ID, body)
}
