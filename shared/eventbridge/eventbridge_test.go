package eventbridge_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/clock"
	"github.com/rollcall/rollcall/shared/eventbridge"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/statuslog"
)

// entry is an event as PutEvents carries it.
type entry struct{ Source, DetailType, Detail string }

// busThat answers PutEvents with a reply and keeps the events of a call.
func busThat(t *testing.T, status int, reply string) (eventbridge.Bus, *[]entry) {
	t.Helper()
	var got []entry
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Entries []entry }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Entries) < 1 || len(in.Entries) > 10 {
			t.Errorf("%d entries, %v", len(in.Entries), err)
			return
		}
		got = in.Entries
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, reply)
	}))
	t.Cleanup(server.Close)
	return eventbridge.Bus{AWS: configOf(server, aws.NopRetryer{}), Clock: clock.System{}}, &got
}

// configOf is a configuration for calls to a server.
func configOf(s *httptest.Server, retryer aws.Retryer) aws.Config {
	return aws.Config{
		Region: "eu-central-1", AppID: "rollcall-test", BaseEndpoint: aws.String(s.URL), HTTPClient: s.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("id", "secret", "session"),
		Retryer:     func() aws.Retryer { return retryer },
	}
}

func TestAnnounceDead(t *testing.T) {
	settled := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := chat.Message{ID: "m", Workspace: "w", Seq: 7, Source: "peer", Reason: "five tries failed", SettledAt: settled}
	for name, c := range map[string]struct {
		status  int
		reply   string
		failure string
	}{
		"taken":             {200, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`, ""},
		"the event refused": {200, `{"FailedEntryCount":1,"Entries":[{"ErrorMessage":"bus is full"}]}`, "bus is full"},
		"the call refused":  {400, `{"__type":"AccessDenied","message":"not you"}`, "not you"},
	} {
		bus, got := busThat(t, c.status, c.reply)
		err := bus.AnnounceDead(t.Context(), m)
		if c.failure == "" && err != nil || c.failure != "" && fault.CodeOf(err) != fault.PlatformUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		if c.failure != "" && !strings.Contains(err.Error(), c.failure) {
			t.Errorf("%s: %v lacks %q", name, err, c.failure)
		}
		const detail = `{"at":"2026-01-02T03:04:05Z","attempts":[],"message_id":"m",` +
			`"reason":"five tries failed","seq":7,"source_id":"peer","workspace_id":"w"}`
		if want := []entry{{eventbridge.Source, eventbridge.DeadDetailType, detail}}; !slices.Equal(*got, want) {
			t.Errorf("%s: put %+v", name, *got)
		}
	}
}

// Of events that go out in one call, just those are said to be refused that are.
func TestAnnounceSaysWhichAreRefused(t *testing.T) {
	changes := make([]statuslog.Change, 3)
	for i := range changes {
		changes[i].Seq = int64(i) + 5
	}
	for name, c := range map[string]struct {
		status  int
		reply   string
		refused []int64
		failure string
	}{
		"all taken": {
			200, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"},{"EventId":"2"},{"EventId":"3"}]}`, nil, "",
		},
		"two refused": {
			200, `{"FailedEntryCount":2,"Entries":[{"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"},
				{"EventId":"2"},{"ErrorCode":"InternalFailure","ErrorMessage":"slow down"}]}`, []int64{5, 7}, "slow down",
		},
		"the call refused": {400, `{"__type":"AccessDenied","message":"not you"}`, []int64{5, 6, 7}, "not you"},
	} {
		bus, got := busThat(t, c.status, c.reply)
		refused, err := bus.Announce(t.Context(), changes)
		var numbers []int64
		for _, r := range refused {
			numbers = append(numbers, r.Seq)
		}
		if len(*got) != 3 || !slices.Equal(numbers, c.refused) || (err == nil) != (c.failure == "") {
			t.Errorf("%s: put %d, refused %v, %v", name, len(*got), numbers, err)
		}
		if c.failure != "" && !strings.Contains(err.Error(), c.failure) {
			t.Errorf("%s: %v lacks %q", name, err, c.failure)
		}
	}
}
