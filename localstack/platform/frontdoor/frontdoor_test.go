package frontdoor_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// invoker gives the answer of its test and keeps the event.
type invoker struct {
	event events.APIGatewayV2HTTPRequest
	out   lambda.InvokeOutput
	err   error
}

func (i *invoker) Invoke(
	_ context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options),
) (*lambda.InvokeOutput, error) {
	if err := json.Unmarshal(in.Payload, &i.event); err != nil {
		return nil, err
	}
	return &i.out, i.err
}

func TestFrontDoor(t *testing.T) {
	ok := lambda.InvokeOutput{Payload: []byte(
		`{"statusCode":201,"headers":{"x-a":"b"},"cookies":["c=1"],"body":"aGk=","isBase64Encoded":true}`)}
	fails := lambda.InvokeOutput{FunctionError: aws.String("Unhandled")}
	answersTrash := lambda.InvokeOutput{Payload: []byte("null")}
	answersTooMuch := lambda.InvokeOutput{Payload: fmt.Appendf(nil, `{"statusCode":200,"body":"%06291530d"}`, 0)}
	answersAll := lambda.InvokeOutput{Payload: fmt.Appendf(nil, `{"statusCode":200,"body":"%06291526d"}`, 0)}
	throttled := &types.TooManyRequestsException{}
	send, tooLong := "/workspaces/w/a2a", strings.Repeat("x", 10<<20+1)
	problem := func(message string) string { return `{"error":"` + message + `","code":"` }
	for name, c := range map[string]struct {
		method, path, body string
		out                lambda.InvokeOutput
		err                error
		want               int
		wantBody           string // its beginning
	}{
		"a reply":                    {"POST", "/workspaces/w%201/a2a?x=1&x=2", "{}", ok, nil, 201, "hi"},
		"no such route":              {"GET", "/nowhere", "", ok, nil, 404, problem("Not Found")},
		"another method":             {"HEAD", "/", "", ok, nil, 404, problem("Not Found")},
		"too long":                   {"POST", send, tooLong, ok, nil, 413, problem("Request Too Long")},
		"too long for an event":      {"POST", send, strings.Repeat(`"`, 3200000), ok, nil, 413, problem("Request Too Long")},
		"the answer is too large":    {"POST", send, "{}", answersTooMuch, nil, 500, problem("Internal Server Error")},
		"the answer just fits":       {"POST", send, "{}", answersAll, nil, 200, "000"},
		"throttled":                  {"POST", send, "{}", ok, throttled, 429, problem("Too Many Requests")},
		"no emulator":                {"POST", send, "{}", ok, errors.New("refused"), 503, problem("Service Unavailable")},
		"too slow":                   {"POST", send, "{}", ok, context.DeadlineExceeded, 504, problem("Gateway Timeout")},
		"the function fails":         {"POST", send, "{}", fails, nil, 500, problem("Internal Server Error")},
		"the function answers trash": {"POST", send, "{}", answersTrash, nil, 500, problem("Internal Server Error")},
	} {
		t.Run(name, func(t *testing.T) {
			fn := &invoker{out: c.out, err: c.err}
			handler := frontdoor.New(map[string]string{"POST /workspaces/{id}/a2a": "f", "GET /": "f"}, fn)
			r := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
			r.Header.Set("Cookie", "a=1; b=2")
			r.Header.Set("X-Thing", "1")
			r.RemoteAddr = "198.51.100.7:1234"
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != c.want || !strings.HasPrefix(w.Body.String(), c.wantBody) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			var gateway struct{ Error, Message string } // API Gateway answers the message alone
			if _ = json.Unmarshal(w.Body.Bytes(), &gateway); w.Code >= 400 && gateway.Message != gateway.Error {
				t.Errorf("%s", w.Body)
			}
			if name != "a reply" {
				return
			}
			ev := fn.event
			if ev.Version != "2.0" || ev.RouteKey != "POST /workspaces/{id}/a2a" || ev.PathParameters["id"] != "w 1" ||
				ev.QueryStringParameters["x"] != "1,2" || ev.RawQueryString != "x=1&x=2" || ev.Headers["x-thing"] != "1" ||
				ev.Headers["x-forwarded-for"] != "198.51.100.7" || ev.Headers["x-forwarded-proto"] != "http" ||
				len(ev.Cookies) != 2 || ev.RequestContext.HTTP.SourceIP != "198.51.100.7" ||
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
	withDefault := frontdoor.New(map[string]string{"GET /": "f", "$default": "f"}, fn)
	withDefault.ServeHTTP(w, httptest.NewRequest(http.MethodPut, "/any/thing", nil))
	if w.Code != 201 || fn.event.RouteKey != "$default" || fn.event.RawPath != "/any/thing" {
		t.Errorf("the default route: %d, %+v", w.Code, fn.event)
	}
	binary := httptest.NewRequest(http.MethodGet, "/", strings.NewReader("\xff"))
	frontdoor.New(map[string]string{"GET /": "f"}, fn).ServeHTTP(httptest.NewRecorder(), binary)
	if !fn.event.IsBase64Encoded || fn.event.Body != "/w==" {
		t.Errorf("%+v", fn.event)
	}
}
