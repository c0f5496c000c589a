package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
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

// pagesRead counts the pages of a log that are read, and what is read.
type pagesRead struct {
	activity.Log
	pages, bytes int
	each         int // what each entry takes to read; 0: as it is
}

func (p *pagesRead) ActivityLog(ctx context.Context, life workspace.Life, r activity.Range) ([]activity.Item, error) {
	p.pages++
	items, err := p.Log.ActivityLog(ctx, life, r)
	for i := range items {
		if p.each > 0 && (items[i].Row != nil || items[i].Message != nil) {
			items[i].Bytes = p.each
		}
		p.bytes += items[i].Bytes
	}
	return items, err
}

// However many other rows stand before those that are asked for, the pages of the log come to all of them, once, and no
// call reads more than its share. Rows of one time are no exception.
func TestALogThatIsFilteredIsReadToItsEnd(t *testing.T) {
	for _, c := range []struct {
		below, others, above int    // how many rows of the peer come before and after how many others
		limit                string // of the call
		each                 int    // bytes that it takes to read a row; 0: as it is
	}{
		{2, 2100, 1, "100", 0},
		{3, 1000, 0, "100", 0},
		{7, 90, 7, "2", 0},
		{0, 1100, 0, "100", 0},
		{60, 0, 60, "50", 0},
		{3, 400, 2, "100", 264 << 10},
		{60, 300, 60, "50", 50 << 10}, // as a release before long rows stood apart wrote
	} {
		env := fixture.Env(t)
		fixture.Member(t, env, "peer", "")
		counted := &pagesRead{Log: env.Activity, each: c.each}
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
		counted.pages, counted.bytes = 0, 0
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.GetActivity.Route, PathParameters: map[string]string{"id": fixture.PollID},
			Headers:               map[string]string{"authorization": "Bearer " + fixture.Credential},
			QueryStringParameters: query,
		})
		if err != nil || resp.StatusCode != http.StatusOK || counted.pages > maxPages ||
			counted.bytes > activity.MaxRead+pageSize*max(counted.each, 4<<10) {
			t.Fatalf("%d %.300s %v, of %d pages, %d bytes", resp.StatusCode, resp.Body, err, counted.pages, counted.bytes)
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

// However long the rows of a log are, one call reads only the heads of those that it does not show, and answers with no
// more than fits.
func TestLongRowsAreReadWhereTheyAreShown(t *testing.T) {
	env := fixture.Env(t)
	counted := &wholeRead{Log: env.Activity}
	env.Activity = counted
	now := env.Clock.Now()
	var want []string
	for i := range 60 {
		row := activity.Row{
			ID: fmt.Sprintf("r%02d", i), Workspace: fixture.PollID, Type: typeNotify, At: now.Add(time.Duration(i)),
			TargetID: "peer", Summary: strings.Repeat("s", i), ErrorDetail: "\x01\xff",
			Request: chat.TextBody("1", strings.Repeat(`"<\`, 60_000)),
		}
		if i%2 == 0 {
			row.TargetID = ""
		} else {
			want = append(want, row.ID)
		}
		if err := env.Activity.AddRow(t.Context(), row); err != nil {
			t.Fatal(err)
		}
	}
	slices.Reverse(want)
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	query := map[string]string{"peer_id": "peer"}
	var got []string
	for more := true; more; {
		counted.rows = nil
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: api.GetActivity.Route, PathParameters: map[string]string{"id": fixture.PollID},
			Headers:               map[string]string{"authorization": "Bearer " + fixture.Credential},
			QueryStringParameters: query,
		})
		var rows []api.ActivityRow
		if err == nil {
			err = json.Unmarshal([]byte(resp.Body), &rows)
		}
		if err != nil || resp.StatusCode != http.StatusOK || chat.EncodedSize(rows) > chat.MaxReply+(1<<10) {
			t.Fatalf("%d %.300s %v", resp.StatusCode, resp.Body, err)
		}
		for _, r := range rows {
			got = append(got, r.ID)
			if len(r.RequestBody) < 300_000 || r.ErrorDetail == nil {
				t.Fatalf("%s is not whole", r.ID)
			}
		}
		if len(counted.rows) != len(rows) {
			t.Errorf("%d rows were read whole to show %d", len(counted.rows), len(rows))
		}
		query["cursor"], more = resp.Headers["x-rollcall-next-cursor"]
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// wholeRead notes the rows that are read whole.
type wholeRead struct {
	activity.Log
	rows []activity.Row
}

func (w *wholeRead) WholeRows(ctx context.Context, rows []activity.Row) ([]activity.Row, error) {
	w.rows = append(w.rows, rows...)
	return w.Log.WholeRows(ctx, rows)
}
