package frontdoor_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/rollcall/rollcall/localstack/platform/frontdoor"
)

// invoker answers as its test says and keeps the event.
type invoker struct {
	event events.APIGatewayV2HTTPRequest
	out   lambda.InvokeOutput
	err   error
}

func (i *invoker) Invoke(_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	if err := json.Unmarshal(in.Payload, &i.event); err != nil {
		return nil, err
	}
	return &i.out, i.err
}

func TestDoor(t *testing.T) {
	ok := lambda.InvokeOutput{Payload: []byte(`{"statusCode":201,"headers":{"x-a":"b"},"cookies":["c=1"],"body":"aGk=","isBase64Encoded":true}`)}
	for name, c := range map[string]struct {
		method, path, body string
		out                lambda.InvokeOutput
		err                error
		want               int
		say                string
	}{
		"a reply":                    {"POST", "/workspaces/w%201/a2a?x=1&x=2", "{}", ok, nil, 201, "hi"},
		"no such route":              {"GET", "/nowhere", "", ok, nil, 404, `{"message":"Not Found","error":"Not Found",`},
		"another method":             {"HEAD", "/", "", ok, nil, 404, `{"message":"Not Found","error":"Not Found",`},
		"too long":                   {"POST", "/workspaces/w/a2a", strings.Repeat("x", 10<<20+1), ok, nil, 413, `{"message":"Request Too Long","error":"Request Too Long",`},
		"throttled":                  {"POST", "/workspaces/w/a2a", "{}", ok, &types.TooManyRequestsException{}, 429, `{"message":"Too Many Requests","error":"Too Many Requests",`},
		"no emulator":                {"POST", "/workspaces/w/a2a", "{}", ok, errors.New("refused"), 503, `{"message":"Service Unavailable","error":"Service Unavailable",`},
		"too slow":                   {"POST", "/workspaces/w/a2a", "{}", ok, context.DeadlineExceeded, 504, `{"message":"Gateway Timeout","error":"Gateway Timeout",`},
		"the function fails":         {"POST", "/workspaces/w/a2a", "{}", lambda.InvokeOutput{FunctionError: aws.String("Unhandled")}, nil, 500, `{"message":"Internal Server Error","error":"Internal Server Error",`},
		"the function answers trash": {"POST", "/workspaces/w/a2a", "{}", lambda.InvokeOutput{Payload: []byte("null")}, nil, 500, `{"message":"Internal Server Error","error":"Internal Server Error",`},
	} {
		t.Run(name, func(t *testing.T) {
			fn := &invoker{out: c.out, err: c.err}
			door := frontdoor.New(map[string]string{"POST /workspaces/{id}/a2a": "f", "GET /": "f"}, fn)
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Cookie", "a=1; b=2")
			r.Header.Set("X-Thing", "1")
			r.RemoteAddr = "198.51.100.7:1234"
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r)
			if w.Code != c.want || !strings.HasPrefix(w.Body.String(), c.say) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if name != "a reply" {
				return
			}
			ev := fn.event
			if ev.Version != "2.0" || ev.RouteKey != "POST /workspaces/{id}/a2a" || ev.PathParameters["id"] != "w 1" || ev.QueryStringParameters["x"] != "1,2" ||
				ev.RawQueryString != "x=1&x=2" || ev.Headers["x-thing"] != "1" || len(ev.Cookies) != 2 || ev.RequestContext.HTTP.SourceIP != "198.51.100.7" ||
				ev.RequestContext.RequestID == "" || ev.Body != "{}" || ev.IsBase64Encoded {
				t.Errorf("%+v", ev)
			}
			if w.Header().Get("X-A") != "b" || w.Header().Get("Set-Cookie") != "c=1" {
				t.Errorf("%v", w.Header())
			}
		})
	}
	fn := &invoker{out: ok}
	w := httptest.NewRecorder()
	frontdoor.New(map[string]string{"GET /": "f", "$default": "f"}, fn).ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/any/thing", nil))
	if w.Code != 201 || fn.event.RouteKey != "$default" || fn.event.RawPath != "/any/thing" {
		t.Errorf("the default route: %d, %+v", w.Code, fn.event)
	}
	frontdoor.New(map[string]string{"GET /": "f"}, fn).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", strings.NewReader("\xff")))
	if !fn.event.IsBase64Encoded || fn.event.Body != "/w==" {
		t.Errorf("%+v", fn.event)
	}
}
