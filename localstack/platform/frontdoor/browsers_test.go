package frontdoor_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/localstack/platform/deploy"
	"github.com/rollcall/rollcall/localstack/platform/frontdoor"
)

// canvas is the origin that the template under test lets in.
const canvas = "https://canvas.example"

// guarded is a front door that answers 200 to what it lets in.
func guarded(t *testing.T, origins ...any) http.Handler {
	t.Helper()
	template := deploy.Template{Resources: map[string]deploy.Resource{
		"Api": {Type: "AWS::ApiGatewayV2::Api", Properties: map[string]any{}},
	}}
	if len(origins) > 0 {
		template.Resources["Api"].Properties["CorsConfiguration"] = map[string]any{
			"AllowOrigins": origins, "AllowMethods": []any{"GET", "POST"},
			"AllowHeaders":  []any{"authorization", "content-type"},
			"ExposeHeaders": []any{"retry-after"}, "MaxAge": 600.0,
		}
	}
	h, err := frontdoor.Guarded(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), frontdoor.CORSOf(template))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestOnlyThisMachineIsAHost(t *testing.T) {
	door := guarded(t)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "LOCALHOST:8080": 200, "127.0.0.1:8080": 200, "127.7.7.7": 200,
		"[::1]:8080": 200, "[::1]": 200, "[::ffff:127.0.0.1]:1": 200,
		"": 421, "attacker.example:8080": 421, "localhost.attacker.example": 421, "127.0.0.1.nip.io": 421,
		"10.0.0.1:8080": 421, "0.0.0.0:8080": 421, "[::]:8080": 421, "2130706433": 421, "0x7f.1": 421, "0177.0.0.1": 421,
		"127.1": 421, "localhost@attacker.example": 421, "169.254.169.254": 421, "localhost.": 421,
	} {
		r := httptest.NewRequest(http.MethodGet, "/workspaces", nil)
		r.Host = host
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		if w.Code != want || (want == 421) != strings.Contains(w.Body.String(), `"code":"host_forbidden"`) {
			t.Errorf("%q: %d %s", host, w.Code, w.Body)
		}
	}
}

// A browser names the origin of a page's call, or how far that is from the API. The existing clients
// name the API itself as the origin (docs/wire-contract.md, section 1).
func TestPagesOfOtherOriginsWriteNothing(t *testing.T) {
	door := guarded(t, canvas)
	for name, c := range map[string]struct {
		method string
		header map[string]string
		want   int
	}{
		"no browser":                            {"POST", nil, 200},
		"a client that names the API":           {"POST", map[string]string{"Origin": "http://127.0.0.1:8080"}, 200},
		"the API's own page":                    {"POST", map[string]string{"Sec-Fetch-Site": "same-origin"}, 200},
		"a page of another site":                {"POST", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		"a page at another port":                {"POST", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		"an old browser's page of another site": {"POST", map[string]string{"Origin": "https://attacker.example"}, 403},
		"a page without an origin":              {"POST", map[string]string{"Origin": "null"}, 403},
		"a deletion":                            {"DELETE", map[string]string{"Origin": "https://attacker.example"}, 403},
		"a look of another site":                {"GET", map[string]string{"Sec-Fetch-Site": "cross-site"}, 200},
		"a page that is let in": {
			"POST", map[string]string{"Origin": canvas, "Sec-Fetch-Site": "cross-site"}, 200,
		},
		"a page that is nearly let in": {
			"POST", map[string]string{"Origin": canvas + ".attacker.example", "Sec-Fetch-Site": "cross-site"}, 403,
		},
	} {
		r := httptest.NewRequest(c.method, "/registry/register", strings.NewReader("{}"))
		r.Host = "127.0.0.1:8080"
		for k, v := range c.header {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		if w.Code != c.want || (c.want == 403) != strings.Contains(w.Body.String(), `"code":"origin_forbidden"`) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
}

func TestCORSIsAnsweredAsTheTemplateSays(t *testing.T) {
	ask := func(door http.Handler, method, origin string) http.Header {
		r := httptest.NewRequest(method, "/workspaces", nil)
		r.Host = "localhost:8080"
		r.Header.Set("Origin", origin)
		if method == http.MethodOptions {
			r.Header.Set("Access-Control-Request-Method", "GET")
		}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w.Header()
	}
	open, closed := guarded(t, canvas), guarded(t)
	preflight := ask(open, http.MethodOptions, canvas)
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin": canvas, "Access-Control-Allow-Methods": "GET,POST",
		"Access-Control-Allow-Headers": "authorization,content-type", "Access-Control-Max-Age": "600", "Vary": "Origin",
		"Access-Control-Allow-Credentials": "",
	} {
		if got := preflight.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	answer := ask(open, http.MethodGet, canvas)
	if answer.Get("Access-Control-Allow-Origin") != canvas ||
		answer.Get("Access-Control-Expose-Headers") != "retry-after" {
		t.Errorf("of a call: %v", answer)
	}
	for name, h := range map[string]http.Header{
		"the preflight of another origin": ask(open, http.MethodOptions, "https://attacker.example"),
		"the call of another origin":      ask(open, http.MethodGet, "https://attacker.example"),
		"a preflight where CORS is off":   ask(closed, http.MethodOptions, canvas),
		"a call where CORS is off":        ask(closed, http.MethodGet, canvas),
	} {
		if got := h.Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
