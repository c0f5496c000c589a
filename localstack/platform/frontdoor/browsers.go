package frontdoor

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
)

// CORS is which web pages may call the API, as the HTTP API of the stack is told. The zero value is
// none but the API's own.
type CORS struct {
	origins, methods, headers, exposed []string
	maxAge                             int
}

// CORSOf reads the CORS configuration of a template's HTTP API.
func CORSOf(t deploy.Template) CORS {
	for _, r := range t.Resources {
		if r.Type != "AWS::ApiGatewayV2::Api" {
			continue
		}
		c, _ := r.Properties["CorsConfiguration"].(map[string]any)
		maxAge, _ := c["MaxAge"].(float64)
		return CORS{
			origins: texts(c["AllowOrigins"]), methods: texts(c["AllowMethods"]), headers: texts(c["AllowHeaders"]),
			exposed: texts(c["ExposeHeaders"]), maxAge: int(maxAge),
		}
	}
	return CORS{}
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, one := range list {
		if s, ok := one.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// Guarded lets a browser do to the API on this machine only what the API's own pages do, and what
// CORS allows: any page that a person has open can send calls to a port of the machine.
//
//   - A call must name this machine as its host. A page of another site that has its name resolve
//     to this machine (DNS rebinding) names its own.
//   - A write from a page of another origin is refused; see [http.CrossOriginProtection].
//   - CORS is answered as an HTTP API does. Source: API Gateway Developer Guide, "Configure CORS for
//     HTTP APIs in API Gateway".
func Guarded(next http.Handler, cors CORS) (http.Handler, error) {
	protection := http.NewCrossOriginProtection()
	for _, origin := range cors.origins {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("the template's CORS configuration: %w", err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isLoopback(r.Host):
			refuse(w, http.StatusMisdirectedRequest, "the local platform answers for this machine only, not for "+
				strconv.Quote(r.Host))
		case cors.answersPreflight(w, r):
		case protection.Check(r) != nil:
			refuse(w, http.StatusForbidden, "a page of another origin may not make this call")
		default:
			next.ServeHTTP(w, r)
		}
	}), nil
}

// isLoopback reports whether the host of a call, with or without a port, is this machine.
func isLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || (err == nil && addr.Unmap().IsLoopback())
}

// answersPreflight answers a preflight, and reports whether it did. To a call of a page that may call
// it adds the headers with which the page may read the answer.
func (c CORS) answersPreflight(w http.ResponseWriter, r *http.Request) bool {
	if len(c.origins) == 0 || r.Header.Get("Origin") == "" {
		return false
	}
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if origin := r.Header.Get("Origin"); slices.Contains(c.origins, origin) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Vary", "Origin")
		if preflight {
			h.Set("Access-Control-Allow-Methods", strings.Join(c.methods, ","))
			h.Set("Access-Control-Allow-Headers", strings.Join(c.headers, ","))
			h.Set("Access-Control-Max-Age", strconv.Itoa(c.maxAge))
		} else {
			h.Set("Access-Control-Expose-Headers", strings.Join(c.exposed, ","))
		}
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}
