package httpapi

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/base64"
	"io"
	"mime"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// MaxBody is the largest request body in bytes (256 KiB of message and its
// envelope), counted as it is kept (chat.Compact). As it is sent, a character may
// take six times as many.
const (
	MaxBody = 264 << 10
	maxSent = 6 * MaxBody
)

// Call is one call as it came.
type Call struct {
	events.APIGatewayV2HTTPRequest
	Now    time.Time // when the server got it; no client's clock decides anything
	Caller Caller    // who the Gate found to call

	root  token.Hash // of the root credential; see NextCursor
	clock func() time.Time
	still func(context.Context) error // see StillAdmitted
}

// StillAdmitted refuses a call that has waited, and whose credential has ended meanwhile. A call that waits asks it
// before it answers; it costs one read. Errors: those of the Gate.
func (c Call) StillAdmitted(ctx context.Context) error {
	if c.still == nil {
		return nil
	}
	return c.still(ctx)
}

// From is the caller's network address. One of IPv4 has one form, also where it came in an address of IPv6.
func (c Call) From() string {
	from := c.RequestContext.HTTP.SourceIP
	if addr, err := netip.ParseAddr(from); err == nil {
		return addr.Unmap().String()
	}
	return from
}

// Waiter names the caller whose calls that wait are counted together: the workspace, the person, or, of a caller who is
// not known, the network address. Of IPv6 it is the network of 64 bits, of which one host may have all addresses.
func (c Call) Waiter() string {
	switch {
	case c.Caller.Workspace != "":
		return "workspace " + c.Caller.Workspace
	case c.Caller.Person != "":
		return "person " + c.Caller.Person
	}
	if addr, err := netip.ParseAddr(c.From()); err == nil && addr.Is6() {
		return "address " + netip.PrefixFrom(addr.WithZone(""), networkBits).Masked().String()
	}
	return "address " + c.From()
}

// networkBits is how long the prefix of a network is of which one host has all addresses. Source: RFC 4291, 2.5.4.
const networkBits = 64

// Header is a header by its name in any case; "" when absent.
func (c Call) Header(name string) string {
	if v, ok := c.Headers[strings.ToLower(name)]; ok {
		return v
	}
	for k, v := range c.Headers {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// Base is the address that the caller knows the platform by, without a path. API
// Gateway says in x-forwarded-proto how it was called.
func (c Call) Base() string {
	return cmp.Or(c.Header("x-forwarded-proto"), "https") + "://" + cmp.Or(c.RequestContext.DomainName, c.Header("host"))
}

// Bearer is the presented credential, "" when there is none or it can't be one.
func (c Call) Bearer() string {
	text, _ := c.authorization()
	return text
}

// authorization reads the header Authorization, the only place of a credential: the word Bearer and the credential.
// White space at the ends of either is no part of it. formed is false when a credential stands there, or in X-Api-Key,
// in another form.
func (c Call) authorization() (credential string, formed bool) {
	header := strings.TrimSpace(c.Header("authorization"))
	scheme, text := header, ""
	if i := strings.IndexFunc(header, unicode.IsSpace); i >= 0 {
		scheme, text = header[:i], strings.TrimSpace(header[i:])
	}
	switch {
	case header == "":
		return "", token.KindOf(strings.TrimSpace(c.Header("x-api-key"))) == ""
	case !strings.EqualFold(scheme, "bearer"), len(text) > 7 && strings.EqualFold(text[:7], "bearer "):
		return "", false
	case len(text) > token.MaxLen:
		return text[:token.MaxLen+1], true // refused by not being anyone's
	}
	return text, true
}

// formHint says how to send a credential that stands in another form. Who types it beside a program that adds the word
// Bearer, a person who signs in for example, is told to leave that word off.
func (c Call) formHint() string {
	if words := strings.Fields(c.Header("authorization")); len(words) > 2 && strings.EqualFold(words[1], "bearer") {
		return "leave off the word Bearer, which stands there twice: the credential alone is enough"
	}
	return "send Authorization: Bearer, a space and the credential"
}

// Raw is the body as it is kept (chat.Compact), unpacked if it comes compressed.
// Errors: too_large, invalid_request, invalid_json when it is not text.
func (c Call) Raw() ([]byte, error) {
	body := []byte(c.Body)
	if c.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(c.Body); err != nil {
			return nil, fault.New(fault.InvalidRequest, "the body is not the base64 its event says it is")
		}
	}
	body, err := unpack(body, c.Header("content-encoding"))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSent {
		return nil, tooLarge()
	}
	if c.lostBytes() {
		return nil, chat.NotUTF8()
	}
	body, err = chat.Compact(body)
	if err == nil && len(body) > MaxBody {
		err = tooLarge()
	}
	return body, err
}

// sendALink is what to do with content that is too large.
const sendALink = "send large content as a link"

func tooLarge() error {
	return fault.New(fault.TooLarge, "the body has more than %d bytes", MaxBody).WithHint(sendALink, "stop")
}

// lostBytes reports whether the gateway replaced bytes of the body that are no text: an event is JSON, and has only
// text. Then the body has another length than was sent.
func (c Call) lostBytes() bool {
	sent, err := strconv.Atoi(c.Header("content-length"))
	return err == nil && !c.IsBase64Encoded && sent != len(c.Body) && strings.Contains(c.Body, "\ufffd")
}

// unpack is the body without its content encoding, as far as one byte beyond what
// is taken. Error: invalid_request.
func unpack(body []byte, encoding string) ([]byte, error) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, nil
	case "gzip":
		packed, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, notPacked()
		}
		out, err := io.ReadAll(io.LimitReader(packed, maxSent+1))
		if err != nil {
			return nil, notPacked()
		}
		return out, nil
	}
	return nil, fault.New(fault.InvalidRequest, "this content-encoding is not supported").
		WithHint("send it plain, or in gzip", "stop")
}

func notPacked() error {
	return fault.New(fault.InvalidRequest, "content-encoding says gzip, and the body can't be unpacked")
}

// Decode is Read for who needs the body no more.
func (c Call) Decode(v any) error {
	_, err := c.Read(v)
	return err
}

// Read reads the JSON body into v, and returns it as it is kept, if it is JSON; unknown members are ignored, as clients
// send more than we read. What nests too deep is refused, as some readers of what
// is stored of it could not read it. Errors: unsupported_media_type, too_large,
// invalid_json, invalid_request.
func (c Call) Read(v any) ([]byte, error) {
	if err := c.requireJSON(); err != nil {
		return nil, err
	}
	body, err := c.Raw()
	if err != nil {
		return nil, err
	}
	if chat.TooDeep(body) {
		return nil, fault.New(fault.InvalidRequest, "the body nests deeper than %d levels", chat.MaxDepth).
			WithHint("send deeply nested content as a text, or as a link", "stop")
	}
	if err := DecodeJSON(body, v); err != nil {
		if fault.CodeOf(err) == fault.InvalidJSON {
			body = nil
		}
		return body, err
	}
	if _, ok := v.(api.AnyNumber); !ok && chat.OddNumber(body) {
		return body, fault.New(fault.InvalidRequest,
			"the body has a number that is longer than %d characters, or too large for a double", chat.MaxNumber).
			WithHint("send that number as a text", "stop")
	}
	return body, nil
}

// requireJSON refuses a body that isn't said to be JSON. A browser asks before it
// sends JSON to another site, but not before it sends a form, a text or bytes of
// no type, whatever these hold. Error: unsupported_media_type.
func (c Call) requireJSON() error {
	kind, _, err := mime.ParseMediaType(c.Header("content-type"))
	if c.Body == "" || (err == nil && (kind == api.JSON || strings.HasSuffix(kind, "+json"))) {
		return nil
	}
	return fault.New(fault.UnsupportedType, "the body must be JSON, and say so").
		WithHint("send a JSON object with content-type: application/json", "stop")
}
