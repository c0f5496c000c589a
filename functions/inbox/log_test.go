package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
	"github.com/rollcall/rollcall/shared/workspace"
)

// pagesRead counts the pages of a log that are read.
type pagesRead struct {
	activity.Log
	pages int
}

func (p *pagesRead) ActivityLog(ctx context.Context, life workspace.Life, r activity.Range) ([]activity.Item, error) {
	p.pages++
	return p.Log.ActivityLog(ctx, life, r)
}

// However many other rows stand before those that are asked for, the pages of the log come to all of them, once, and no
// call reads more than its share. Rows of one time are no exception.
func TestALogThatIsFilteredIsReadToItsEnd(t *testing.T) {
	for _, c := range []struct {
		below, others, above int    // how many rows of the peer come before and after how many others
		limit                string // of the call
	}{
		{2, 2100, 1, "100"}, {3, 1000, 0, "100"}, {7, 90, 7, "2"}, {0, 1100, 0, "100"}, {60, 0, 60, "50"},
	} {
		env := fixture.Env(t)
		fixture.Member(t, env, "peer", "")
		counted := &pagesRead{Log: env.Activity}
		env.Activity = counted
		var want []string
		add := func(n int, at time.Time) {
			for range n {
				m := chat.Message{ID: fmt.Sprint("m", len(want)), Workspace: fixture.PollID, Source: "peer", Priority: chat.Task}
				m.Body = chat.TextBody(m.ID, "hello")
				if _, err := env.Delivery.Enqueue(t.Context(), m, at); err != nil {
					t.Fatal(err)
				}
				want = append(want, m.ID)
			}
		}
		now := env.Clock.Now()
		add(c.below, now)
		for i := range c.others {
			row := activity.Row{ID: fmt.Sprint("r", i), Workspace: fixture.PollID, Type: "notify", At: now.Add(time.Second)}
			if err := env.Activity.AddRow(t.Context(), row); err != nil {
				t.Fatal(err)
			}
		}
		add(c.above, now.Add(2*time.Second))
		slices.Reverse(want) // the log is newest first
		got, calls := readLog(t, env, counted, map[string]string{"peer_id": "peer", "limit": c.limit})
		if !slices.Equal(got, want) {
			t.Errorf("%+v: %d calls give %v, want %v", c, calls, got, want)
		}
	}
}

// readLog reads a log to its end, and gives the messages in it, and the number of calls.
func readLog(t *testing.T, env *app.Env, counted *pagesRead, query map[string]string) (ids []string, calls int) {
	t.Helper()
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	for {
		counted.pages = 0
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.GetActivity.Route, PathParameters: map[string]string{"id": fixture.PollID},
			Headers:               map[string]string{"authorization": "Bearer " + fixture.Credential},
			QueryStringParameters: query,
		})
		if err != nil || resp.StatusCode != http.StatusOK || counted.pages > maxPages {
			t.Fatalf("%d %.300s %v, of %d pages", resp.StatusCode, resp.Body, err, counted.pages)
		}
		var rows []api.ActivityRow
		if err := json.Unmarshal([]byte(resp.Body), &rows); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ids = append(ids, r.MessageID)
		}
		calls++
		cursor, more := resp.Headers["x-rollcall-next-cursor"]
		if !more {
			return ids, calls
		}
		if calls > 20 {
			t.Fatal("the log has no end")
		}
		query["cursor"] = cursor
	}
}
