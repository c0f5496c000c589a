package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/visible"
)

// unreached is a call that has no answer of Rollcall's: nothing answered, or something else did. Each has a next step.
type unreached struct {
	message, next string
	done          string // of a call that changes something: whether it may have been done
	ask           string // what a person is to ask; "": nothing
	maybe         bool   // it was sent, so that the platform may have done what it asks
	vain          bool   // the same call fails again until a person has changed something
}

// Error implements error.
func (u *unreached) Error() string { return u.message + u.done + u.ask }

// wire notes how far a call comes. It notes nothing of a call that does not go over a network.
type wire struct{ began, connected, wrote atomic.Bool }

// trace is what notes it.
func (w *wire) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { w.began.Store(true) },
		GotConn:      func(httptrace.GotConnInfo) { w.connected.Store(true) },
		ConnectDone:  func(_, _ string, err error) { w.connected.Store(w.connected.Load() || err == nil) },
		WroteHeaders: func() { w.wrote.Store(true) },
	})
}

// sent reports whether the platform may have read the call. Of one that is cut off before the end of its headers it
// does nothing.
func (w *wire) sent() bool { return w.wrote.Load() || !w.began.Load() }

// request is a call that may come to nothing.
type request struct {
	platform, method, path string
	doctor                 string // the command that looks at the way to that platform
	began                  time.Time
	wire                   wire
}

// reads reports whether the call changes nothing.
func (c *request) reads() bool { return c.method == "" || c.method == http.MethodGet }

// unanswered is why a call got no answer.
func (c *request) unanswered(err error) *unreached {
	out := &unreached{maybe: !c.reads() && c.wire.sent()}
	out.message = fmt.Sprintf("%s doesn't answer: %s", visible.Text(c.platform), c.why(err))
	_, unknown := errors.AsType[*net.DNSError](err)
	out.vain = unknown || ofTLS(err)
	out.next = c.doctor + " finds the link that is broken"
	if at, parseErr := url.Parse(c.platform); parseErr == nil && isLoopback(at.Hostname()) && !out.vain {
		if refused(err) {
			out.next = "start it with make run, if it is a platform of this machine; " + out.next
		} else {
			out.next += "; a platform of this machine that hangs is ended with Ctrl-C, and started again with make run"
		}
	}
	c.consequence(out)
	return out
}

// why is what went wrong on the way, in words.
func (c *request) why(err error) string {
	unknown, ofDNS := errors.AsType[*net.DNSError](err)
	switch {
	case ofDNS:
		return fmt.Sprintf("its host has no address here (%s)", visible.Text(unknown.Err))
	case refused(err):
		return "nothing listens there (connection refused)"
	case ofTLS(err):
		return "TLS fails: " + rootWords(err)
	case late(err) && c.wire.began.Load() && !c.wire.connected.Load():
		return fmt.Sprintf("no connection came about in %s", c.took())
	case late(err):
		return fmt.Sprintf("it took the call, and no answer came in %s", c.took())
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "it closed the connection before its answer was whole"
	}
	if bare, ok := errors.AsType[*url.Error](err); ok {
		err = bare.Err // the rest repeats the address
	}
	return visible.Text(err.Error()) // a certificate, which a stranger may have made, is quoted in it
}

// took is how long the call has lasted.
func (c *request) took() time.Duration { return time.Since(c.began).Round(time.Second) }

// refused reports whether nothing listens where a call went.
func refused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// foreign is what is wrong with an answer that Rollcall does not give.
func (c *request) foreign(r client.Reply) *unreached {
	out := &unreached{maybe: !c.reads() && r.Status >= http.StatusInternalServerError}
	out.vain = r.Status < http.StatusInternalServerError
	if out.vain {
		out.ask = ": is the address right?"
	}
	out.message = fmt.Sprintf("%s answers, but not as Rollcall does (HTTP %d, %s)", visible.Text(c.platform), r.Status,
		contentOf(r))
	out.next = c.doctor + " says what answers there; the address is that of --url, ROLLCALL_URL or the context"
	c.consequence(out)
	return out
}

// contentOf is what an answer is that can't be read.
func contentOf(r client.Reply) string {
	text := strings.TrimSpace(string(r.Raw))
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		media = "of no type"
	}
	switch {
	case text == "":
		return "nothing in it"
	case media == "text/html" || strings.HasPrefix(strings.ToLower(text), "<!doctype html"):
		return "an HTML page, " + visible.Text(media)
	case media == "application/json":
		return "JSON of another form"
	}
	return "not JSON but " + visible.Text(media)
}

// consequence says of a call that changes something whether it may have been done, and where to look.
func (c *request) consequence(out *unreached) {
	switch {
	case c.reads():
	case out.maybe:
		out.done = "; it may have been done all the same"
		out.next += "; once it answers again, " + looks(c.path) + " says whether it was done"
	default:
		out.done = "; nothing was done"
	}
}

// looks is the command that shows whether a call was done.
func looks(path string) string {
	path, _, _ = strings.Cut(path, "?")
	words := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch words[0] {
	case "workspaces":
	case "tokens":
		return "rollcall token list"
	case "webhooks":
		return "rollcall webhook list"
	default:
		return "rollcall audit"
	}
	switch {
	case len(words) == 1:
		return "rollcall status"
	case len(words) == 2: // of one that is removed no more is certain
		return "rollcall status " + words[1]
	}
	switch words[len(words)-1] {
	case "a2a", "probe", "redrive", "cancel":
		return "rollcall receipts " + words[1]
	}
	return "rollcall history " + words[1]
}

// asks is a call that begins now.
func (a *app) asks(method, path string) *request {
	doctor := "rollcall doctor"
	switch {
	case a.url != "":
		doctor += " --url " + visible.Text(a.url)
	case a.context != "":
		doctor += " --context " + visible.Text(a.context)
	}
	return &request{platform: a.platform.URL, method: method, path: path, doctor: doctor, began: time.Now()}
}
