package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/visible"
)

// way is what one call saw on its way to the platform.
type way struct {
	mu        sync.Mutex
	names     []string // what the name resolved to
	address   string   // that was connected to
	connected bool
	secure    *tls.ConnectionState
}

// trace notes what a call sees.
func (y *way) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSDone: func(info httptrace.DNSDoneInfo) {
			y.mu.Lock()
			defer y.mu.Unlock()
			for _, a := range info.Addrs {
				y.names = append(y.names, a.String())
			}
		},
		ConnectDone: func(_, address string, err error) {
			y.mu.Lock()
			defer y.mu.Unlock()
			if err == nil || y.address == "" {
				y.address, y.connected = address, err == nil
			}
		},
		TLSHandshakeDone: func(state tls.ConnectionState, err error) {
			y.mu.Lock()
			defer y.mu.Unlock()
			if err == nil {
				y.secure = &state
			}
		},
	}
}

// reach makes one call, which needs no credential, and looks at each link that it passes. It reports whether
// the platform can be asked.
func (d *doctor) reach(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	seen := &way{}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // each look takes the whole way
	began := time.Now()
	r, err := client.Client{URL: d.platform, Transport: transport}.Do(
		httptrace.WithClientTrace(ctx, seen.trace()), "GET", "/healthz", "", nil)
	took := time.Since(began)
	seen.mu.Lock()
	defer seen.mu.Unlock()
	if !d.lookAtWay(seen, err) {
		return false
	}
	if !d.lookAtPlatform(r) {
		return false
	}
	d.lookAtClock(r.Header, began, took)
	return true
}

// lookAtWay is the name, the connection and TLS. A call fails at the first of them that is broken.
func (d *doctor) lookAtWay(seen *way, err error) bool {
	at, parseErr := url.Parse(d.platform)
	if parseErr != nil || at.Host == "" {
		d.add("name", broken, d.platform+" is no address of a platform",
			"give it as https://HOST, with --url or in ROLLCALL_URL")
		return false
	}
	if port := at.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > math.MaxUint16 {
			d.add("name", broken, fmt.Sprintf("%s is no port, in %s", port, d.platform),
				fmt.Sprintf("check the port of the platform's address: it is a number from 1 to %d", math.MaxUint16))
			return false
		}
	}
	whose := at.Host
	if proxy, proxyErr := http.ProxyFromEnvironment(&http.Request{URL: at}); proxyErr == nil && proxy != nil {
		whose = "the proxy " + proxy.Host + ", which the environment names,"
	}
	if unknown, ok := errors.AsType[*net.DNSError](err); ok {
		d.add("name", broken, fmt.Sprintf("%s has no address here: %s", whose, unknown.Err),
			"check how the host is spelt in the platform's address, and which DNS server this machine or container asks")
		return false
	}
	if len(seen.names) > 0 {
		d.add("name", healthy, fmt.Sprintf("%s is %s", whose, strings.Join(seen.names, ", ")), "")
	} else {
		d.add("name", healthy, whose+" needs no look-up", "")
	}
	if err != nil && !ofTLS(err) {
		why, next := rootWords(err), connectionRemedy(err)
		if late(err) {
			why = "no answer came in " + doctorPatience.String()
		}
		if late(err) && seen.connected {
			why, next = "it takes connections, and "+why, "look at the platform: it hangs, or what stands before it does"
		}
		d.add("connection", broken, orUnknown(seen.address)+": "+why, next)
		return false
	}
	d.add("connection", healthy, "connected to "+seen.address, "")
	switch {
	case err != nil:
		d.add("tls", broken, rootWords(err), tlsRemedy(err))
		return false
	case seen.secure != nil:
		until := seen.secure.PeerCertificates[0].NotAfter
		d.add("tls", healthy, "the certificate is good until "+until.UTC().Format(time.RFC3339), "")
	case !isLoopback(at.Hostname()):
		d.add("tls", warning, "none: everyone on the way can read the credential", "")
	}
	return true
}

// ofTLS reports whether a call failed in TLS.
func ofTLS(err error) bool {
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, other := errors.AsType[tls.RecordHeaderError](err)
	_, alert := errors.AsType[tls.AlertError](err)
	return untrusted || other || alert || strings.Contains(err.Error(), "server gave HTTP response to HTTPS client")
}

func tlsRemedy(err error) string {
	if _, untrusted := errors.AsType[*tls.CertificateVerificationError](err); untrusted {
		return "check this machine's clock, that the platform's address names the host of the certificate, and that the " +
			"machine trusts its authority (the package ca-certificates; a proxy's own authority)"
	}
	return "check that the port of the platform's address is one for https"
}

// late reports whether a call failed because nothing came back in time.
func late(err error) bool {
	timed, ok := errors.AsType[net.Error](err)
	return errors.Is(err, context.DeadlineExceeded) || ok && timed.Timeout()
}

func connectionRemedy(err error) string {
	switch {
	case late(err):
		return "nothing comes back: check the firewall, the security group and the routes of this machine or container"
	case strings.Contains(err.Error(), "refused"):
		return "nothing listens there: check that the platform runs, and the host and port of its address; in a container, " +
			"localhost is the container itself"
	}
	return "check the network of this machine or container, and what stands between it and the platform"
}

// lookAtPlatform looks at the answer of the platform's health.
func (d *doctor) lookAtPlatform(r client.Reply) bool {
	var h api.Health
	var said api.Problem
	switch {
	case json.Unmarshal(r.Raw, &said) == nil && said.Error != "" && said.Code != "" &&
		r.Status != http.StatusGatewayTimeout: // there no function has answered yet
		d.add("platform", broken, fmt.Sprintf("it answers: %s (%s, HTTP %d)", visible.Text(said.Error),
			visible.Text(said.Code), r.Status), visible.Text(withTime(said)))
		return false
	case json.Unmarshal(r.Raw, &h) != nil || h.Status == "":
		d.add("platform", broken, fmt.Sprintf("what answers is not Rollcall: HTTP %d, %s", r.Status,
			orUnknown(r.Header.Get("Content-Type"))),
			"see the platform's address, and the proxy or the load balancer that answers for it")
		return false
	case r.Status != http.StatusOK:
		d.add("platform", broken, fmt.Sprintf("its store can't be asked (HTTP %d)", r.Status),
			"nothing is wrong here: agents try again until it can")
		return false
	case h.Status != "ok":
		d.add("platform", warning, fmt.Sprintf("it is %s: %s", h.Status, h.Sweeper), "")
	default:
		d.add("platform", healthy, "it works", "")
	}
	return true
}

// How far two clocks may differ. Standard Webhooks refuses a signature that is five minutes off: a minute before that,
// it is time to say so.
const (
	clockNoticed = 30 * time.Second
	clockBroken  = 4 * time.Minute
)

// lookAtClock compares the platform's clock with this machine's, which made a call that began then and took so long.
func (d *doctor) lookAtClock(header http.Header, began time.Time, took time.Duration) {
	there, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		d.now = began.Add(took / 2)
		d.add("clock", skipped, "the answer has no date", "")
		return
	}
	d.now = there
	off, unsure := clockOff(there, began, took)
	text, next := clockWords(off, unsure), ""
	is := healthy
	switch {
	case off.Abs() >= clockBroken:
		is, next = broken, "set this machine's clock (NTP): signatures of pushes are refused when clocks differ "+
			"by more than five minutes"
	case off.Abs() > clockNoticed:
		is = warning
	}
	d.add("clock", is, text, next)
}

// clockOff is by how much this machine's clock is ahead of the platform's, and how far that may be wrong: there is the
// date in whole seconds that the platform wrote at some moment of the call.
func clockOff(there, began time.Time, took time.Duration) (off, unsure time.Duration) {
	const half = 500 * time.Millisecond
	return began.Add(took / 2).Sub(there.Add(half)), (took+1)/2 + half
}

// clockWords say by how much two clocks differ, where that can be told.
func clockWords(off, unsure time.Duration) string {
	side := "ahead of"
	switch {
	case off.Abs() <= unsure:
		return fmt.Sprintf("this machine's clock and the platform's agree, within %s",
			(unsure + time.Second - 1).Truncate(time.Second))
	case off < 0:
		side = "behind"
	}
	return fmt.Sprintf("this machine is %s %s the platform", max(time.Second, off.Abs().Round(time.Second)), side)
}
