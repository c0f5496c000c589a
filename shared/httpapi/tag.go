package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

// tagged is the response to a call of an operation whose replies have entity tags: with its tag, and without its body
// where the caller has the reply already. Nothing else may keep a copy (cache-control: no-store), so a 304 is only
// given to who asks for it, and knows that a copy's times are old. A file of the console may be kept by a browser.
func tagged(resp events.APIGatewayV2HTTPResponse, reply any, c Call) (events.APIGatewayV2HTTPResponse, error) {
	t, ok := reply.(api.Tagged)
	if !ok || resp.StatusCode != http.StatusOK {
		return resp, nil
	}
	lasting, err := chat.Marshal(t.Lasting())
	if err != nil {
		return resp, err
	}
	tag := tagOf(lasting)
	if hasTag(c.Header("if-none-match"), tag) {
		resp = response(http.StatusNotModified)
		delete(resp.Headers, "content-type")
	}
	resp.Headers["etag"] = tag
	if _, public := reply.(api.File); public { // a browser keeps it, and asks each time whether it still holds
		resp.Headers["cache-control"] = "no-cache"
	}
	return resp, nil
}

// tagOf is a weak entity tag: replies with the same one mean the same (RFC 9110, section 8.8.1).
func tagOf(lasting []byte) string {
	digest := sha256.Sum256(lasting)
	return `W/"` + base64.RawURLEncoding.EncodeToString(digest[:12]) + `"`
}

// hasTag reports whether a list of tags, as If-None-Match has them, holds the tag by weak comparison. No tag of
// ours has a comma in it.
func hasTag(list, tag string) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
			return true
		}
	}
	return false
}
