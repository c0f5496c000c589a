package push

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"code.dny.dev/ssrf"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// unreached says why no answer came back. Its words are for who may operate and for the agent; they name neither the
// URL nor an address nor a resolver. What to do about it is the fault's advice (workspace.PushFault).
func unreached(err error) delivery.PushResult {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "dial" {
		return unconnected(err)
	}
	if ue, ok := errors.AsType[*url.Error](err); ok && ue.Timeout() {
		return unreachable(workspace.FaultTimeout, "the agent did not answer in time")
	}
	if fault, why := ofTLS(err); fault != workspace.FaultNone {
		return unreachable(fault, "%s", why)
	}
	switch {
	case errors.Is(err, errReceived):
		return unreachable(workspace.FaultPage, "%s", receivedWords)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unreachable(workspace.FaultTimeout, "the agent did not answer in time")
	case errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return unreachable(workspace.FaultBroken, "the connection was closed before an answer")
	case strings.Contains(err.Error(), "response headers exceeded"): // the transport has no type for it
		return unreachable(workspace.FaultPage, "the header of its answer is longer than %d bytes", maxHeader)
	}
	return unreachable(workspace.FaultNetwork, "the connection failed")
}

// unconnected says why no connection was made.
func unconnected(err error) delivery.PushResult {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	switch {
	case isDNS && dns.IsNotFound:
		return unreachable(workspace.FaultDNS, "the name in its url can't be resolved: there is none such")
	case isDNS:
		return unreachable(workspace.FaultDNS, "the name in its url can't be resolved")
	case errors.Is(err, ssrf.ErrProhibitedIP) || errors.Is(err, ssrf.ErrProhibitedPort) ||
		errors.Is(err, ssrf.ErrProhibitedNetwork):
		return unreachable(workspace.FaultForbidden, "its url leads to an address that policy forbids")
	case errors.Is(err, syscall.ECONNREFUSED):
		return unreachable(workspace.FaultRefused, "connection refused")
	case errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETUNREACH):
		return unreachable(workspace.FaultNoConnection, "there is no route to the host of its url")
	}
	return unreachable(workspace.FaultNoConnection, "no connection was made in time")
}

// ofTLS says what is wrong with the TLS of what answers; no fault when it is something else.
func ofTLS(err error) (fault workspace.PushFault, why string) {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok || errors.Is(err, http.ErrSchemeMismatch) {
		return workspace.FaultNoTLS, "its url is https, and what answers there speaks no TLS"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return workspace.FaultAuthority, "the certificate at its url is of an authority that the platform does not know"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return workspace.FaultWrongName, "the certificate at its url is for another name"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return workspace.FaultExpired, fmt.Sprintf("the certificate at its url is valid only from %s to %s",
			invalid.Cert.NotBefore.UTC().Format(time.DateOnly), invalid.Cert.NotAfter.UTC().Format(time.DateOnly))
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return workspace.FaultTLS, "the certificate at its url is not accepted"
	}
	switch said := tlsWords(err); said {
	case "":
		return workspace.FaultNone, ""
	case "certificate required", "bad certificate":
		return workspace.FaultClientTLS, "what answers at its url asks the platform for a certificate"
	default:
		return workspace.FaultTLS, "the TLS handshake at its url failed: " + said
	}
}

// tlsWords is what crypto/tls, or an alert of the other side, says of a failed handshake; "" when neither does. What
// comes after a colon may be quoted from the certificate, and is left out: so neither names an address, or says what a
// stranger wrote.
func tlsWords(err error) string {
	for ; err != nil; err = errors.Unwrap(err) {
		if words, ok := strings.CutPrefix(err.Error(), "tls: "); ok {
			words, _, _ = strings.Cut(words, ":")
			return words
		}
	}
	return ""
}
