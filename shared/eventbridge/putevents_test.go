package eventbridge_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	library "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/eventbridge"
)

// call is what of a request two clients must have alike.
type call struct {
	Method, Path, ContentType, Target, Session, AppID, SignedAs string
	Body                                                        map[string]any
}

// callTo is what the server that a client calls is sent.
func callTo(t *testing.T, with func(aws.Config) error) (got call) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		signed := regexp.MustCompile(`Credential=id/\d{8}(/.*), Signature=[0-9a-f]{64}$`).FindStringSubmatch(
			r.Header.Get("Authorization"))
		if signed == nil {
			t.Errorf("signed as %q", r.Header.Get("Authorization"))
			return
		}
		got = call{
			r.Method, r.URL.Path, r.Header.Get("Content-Type"), r.Header.Get("X-Amz-Target"),
			r.Header.Get("X-Amz-Security-Token"), regexp.MustCompile(`app/\S+`).FindString(r.UserAgent()), signed[1],
			nil,
		}
		if err := json.NewDecoder(r.Body).Decode(&got.Body); err != nil || r.ContentLength < 1 {
			t.Errorf("%v, a length of %d", err, r.ContentLength)
		}
		_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	}))
	defer server.Close()
	if err := with(configOf(server, aws.NopRetryer{})); err != nil {
		t.Error(err)
	}
	return got
}

// The call is that of the SDK's own client: the same members and headers, of which the same are signed.
func TestTheCallIsTheLibrarys(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	detail := ""
	ours := callTo(t, func(c aws.Config) error {
		bus := eventbridge.Bus{AWS: c, Clock: clock.System{}}
		return bus.AnnounceDead(t.Context(), chat.Message{ID: "m", Reason: `"<\u2028ü`, SettledAt: at})
	})
	if entries, ok := ours.Body["Entries"].([]any); ok && len(entries) == 1 {
		detail, _ = entries[0].(map[string]any)["Detail"].(string)
	}
	theirs := callTo(t, func(c aws.Config) error {
		_, err := library.NewFromConfig(c).PutEvents(t.Context(), &library.PutEventsInput{
			Entries: []types.PutEventsRequestEntry{{
				Source: aws.String(eventbridge.Source), DetailType: aws.String(eventbridge.DeadDetailType), Detail: &detail,
				Time: &at,
			}},
		})
		return err
	})
	if detail == "" || ours.AppID == "" || !reflect.DeepEqual(ours, theirs) {
		t.Errorf("the call is\n%+v\nand that of the library\n%+v", ours, theirs)
	}
}

// It is sent where the SDK's own client sends it, in each partition.
func TestTheEndpointIsTheLibrarys(t *testing.T) {
	for _, region := range []string{
		"eu-central-1", "us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1",
		"a-region-that-is-new",
	} {
		theirs, err := library.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), library.EndpointParameters{
			Region: &region,
		})
		if err != nil {
			t.Fatal(err)
		}
		var ours *url.URL
		c := configOf(httptest.NewUnstartedServer(nil), aws.NopRetryer{})
		c.Region, c.BaseEndpoint = region, nil
		c.HTTPClient = client(func(r *http.Request) (*http.Response, error) {
			ours = r.URL
			return nil, io.ErrUnexpectedEOF
		})
		bus := eventbridge.Bus{AWS: c, Clock: clock.System{}}
		if err := bus.AnnounceDead(t.Context(), chat.Message{}); err == nil || ours == nil || ours.Host != theirs.URI.Host ||
			ours.Scheme != theirs.URI.Scheme {
			t.Errorf("%s: %v, and the library's is %v: %v", region, ours, theirs.URI, err)
		}
	}
}

type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

// What may be over when it is tried again is, and nothing else.
func TestACallIsTriedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		reply  string
		tries  int
	}{
		"the service fails":     {500, `{"__type":"InternalException"}`, 2},
		"a page of a proxy":     {502, `<html>`, 2},
		"it is throttled":       {400, `{"__type":"com.amazonaws.events#ThrottlingException","message":"slow down"}`, 2},
		"it is refused":         {400, `{"__type":"AccessDeniedException","message":"not you"}`, 1},
		"it is no answer of it": {200, `<html>`, 1},
	} {
		tries := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if tries++; tries > 1 {
				_, _ = io.WriteString(w, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
				return
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.reply)
		}))
		bus := eventbridge.Bus{Clock: clock.System{}, AWS: configOf(server, retry.NewStandard(
			func(o *retry.StandardOptions) {
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			},
		))}
		err := bus.AnnounceDead(t.Context(), chat.Message{})
		if tries != c.tries || (err == nil) != (c.tries > 1) {
			t.Errorf("%s: %d tries, %v", name, tries, err)
		}
		server.Close()
	}
}
