package frontdoor_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/rollcall/rollcall/localstack/platform/frontdoor"
)

// Each request becomes the event that API Gateway makes of it, payload version 2.0.
func TestRequestsBecomeEvents(t *testing.T) {
	routes := map[string]string{"GET /healthz": "f", "GET /w/{id}": "f", "POST /w/{id}": "f", "$default": "f"}
	for name, c := range map[string]struct {
		method, path string
		headers      []string // name, value, …
		body         string
		want         string // members of the event, joined by a space
	}{
		"a route":                {"GET", "/healthz", nil, "", `"routeKey":"GET /healthz"`},
		"HEAD has no route":      {"HEAD", "/healthz", nil, "", `"routeKey":"$default"`},
		"OPTIONS has none":       {"OPTIONS", "/healthz", nil, "", `"routeKey":"$default"`},
		"a slash at the end":     {"GET", "/healthz/", nil, "", `"routeKey":"$default" "rawPath":"/healthz/"`},
		"two slashes":            {"GET", "/w//x", nil, "", `"routeKey":"$default"`},
		"an empty segment":       {"GET", "/w/", nil, "", `"routeKey":"$default"`},
		"+ in a path":            {"GET", "/w/a+b", nil, "", `"routeKey":"GET /w/{id}" "pathParameters":{"id":"a+b"}`},
		"%2B in a path":          {"GET", "/w/a%2Bb", nil, "", `"pathParameters":{"id":"a+b"}`},
		"%2F in a path":          {"GET", "/w/a%2Fb", nil, "", `"pathParameters":{"id":"a/b"}`},
		"%20 in a path":          {"GET", "/w/a%20b", nil, "", `"pathParameters":{"id":"a b"}`},
		"a parameter":            {"GET", "/healthz?a=1", nil, "", `"rawQueryString":"a=1"`},
		"a repeated one":         {"GET", "/healthz?a=1&a=2", nil, "", `"queryStringParameters":{"a":"1,2"}`},
		"a joined one":           {"GET", "/healthz?a=1%2C2", nil, "", `"queryStringParameters":{"a":"1,2"}`},
		"one without a value":    {"GET", "/healthz?a", nil, "", `"queryStringParameters":{"a":""}`},
		"+ in a parameter":       {"GET", "/healthz?a=1+2", nil, "", `"queryStringParameters":{"a":"1 2"}`},
		"a header":               {"GET", "/healthz", []string{"X-A", "1"}, "", `"x-a":"1"`},
		"a repeated one of them": {"GET", "/healthz", []string{"X-A", "1", "X-A", "2"}, "", `"x-a":"1,2"`},
		"cookies":                {"GET", "/healthz", []string{"Cookie", "a=1; b=2"}, "", `"cookies":["a=1","b=2"]`},
		"behind a proxy":         {"GET", "/healthz", []string{"X-Forwarded-For", "::1"}, "", `"::1, 192.0.2.1"`},
		"a forged protocol":      {"GET", "/healthz", []string{"X-Forwarded-Proto", "x"}, "", `"x-forwarded-proto":"http"`},
		"a text":                 {"POST", "/w/x", nil, "é", `"body":"é" "isBase64Encoded":false`},
		"bytes":                  {"POST", "/w/x", nil, "\x1f\x8b", `"body":"H4s=" "isBase64Encoded":true`},
		"no body":                {"POST", "/w/x", nil, "", `"isBase64Encoded":false`},
	} {
		t.Run(name, func(t *testing.T) {
			fn := &invoker{out: lambda.InvokeOutput{Payload: []byte(`{"statusCode":200}`)}}
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			for i := 0; i < len(c.headers); i += 2 {
				r.Header.Add(c.headers[i], c.headers[i+1])
			}
			frontdoor.New(routes, fn).ServeHTTP(httptest.NewRecorder(), r)
			got := eventJSON(t, fn.event)
			for member := range strings.SplitSeq(c.want, ` "`) {
				if member = strings.TrimPrefix(member, `"`); !strings.Contains(got, `"`+member) {
					t.Errorf("%s has no \"%s", got, member)
				}
			}
		})
	}
}

func eventJSON(t *testing.T, ev events.APIGatewayV2HTTPRequest) string {
	t.Helper()
	raw, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
