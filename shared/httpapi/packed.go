package httpapi

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/api"
)

// packed is the response to a call with its body compressed, where the reply is there compressed and the caller takes
// it so. What is answered depends on that then, and the response says so to who keeps it.
func packed(resp events.APIGatewayV2HTTPResponse, reply any, c Call) events.APIGatewayV2HTTPResponse {
	p, ok := reply.(api.Compressible)
	if !ok || p.Compressed() == nil {
		return resp
	}
	resp.Headers["vary"] = "accept-encoding"
	if resp.StatusCode == http.StatusOK && accepts(c.Header("accept-encoding"), "gzip") {
		resp.Headers["content-encoding"] = "gzip"
		resp.Body, resp.IsBase64Encoded = base64.StdEncoding.EncodeToString(p.Compressed()), true
	}
	return resp
}

// accepts reports whether a list of encodings, as Accept-Encoding has them, takes one. One that is named decides, else
// "*" does (RFC 9110, section 12.5.3).
func accepts(list, encoding string) bool {
	byAny := false
	for one := range strings.SplitSeq(list, ",") {
		name, weight, _ := strings.Cut(one, ";")
		taken := !isZero(weight)
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, encoding):
			return taken
		case name == "*":
			byAny = taken
		}
	}
	return byAny
}

// isZero reports whether a weight, as q=0.5, is zero; what is no weight is none.
func isZero(weight string) bool {
	_, value, ok := strings.Cut(weight, "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	return ok && err == nil && q == 0
}
