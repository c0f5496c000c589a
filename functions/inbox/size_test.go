package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// maxAnswer is what a Lambda may answer, in bytes.
const maxAnswer = 6291556

// texts draws the texts of some messages, many of them large.
var texts = rapid.Custom(func(t *rapid.T) (out []string) {
	for range rapid.IntRange(1, 14).Draw(t, "messages") {
		unit := rapid.SampledFrom([]string{`"`, "<", "\x00", "x", "\u2028", "😀"}).Draw(t, "of")
		encoded, _ := json.Marshal(unit)
		most := 250_000 / (len(encoded) - len(`""`))
		out = append(out, strings.Repeat(unit, rapid.SampledFrom([]int{1, most / 2, most}).Draw(t, "times")))
	}
	return out
})

// Whatever the messages are made of, each answer is one that a Lambda may give, and the
// pages leave nothing out.
func TestAnswersFitIntoALambda(t *testing.T) {
	nineOfQuotes := strings.Split(strings.Repeat(strings.Repeat(`"`, 125_000)+"\n", 8)+strings.Repeat(`"`, 125_000), "\n")
	cases := [][]string{nineOfQuotes}
	for seed := range 8 {
		cases = append(cases, texts.Example(seed))
	}
	for i, texts := range cases {
		t.Run(fmt.Sprint(i), func(t *testing.T) { checkAnswers(t, texts) })
	}
}

func checkAnswers(t *testing.T, texts []string) {
	env := fixture.Env(t)
	var want []string
	for i, text := range texts {
		id := fmt.Sprint("m", i)
		_, err := env.Delivery.Enqueue(t.Context(), chat.Message{
			ID: id, Workspace: fixture.PollID, Priority: chat.Task, Body: chat.TextBody(id, text),
		}, env.Clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, id)
	}
	handle := httpapi.Serve(slog.New(slog.DiscardHandler), env.Clock.Now, env.Gate, endpoints(env)...)
	ask := func(query map[string]string) (rows []api.ActivityRow) {
		t.Helper()
		resp, err := handle(t.Context(), events.APIGatewayV2HTTPRequest{
			RouteKey: "GET /workspaces/{id}/activity", PathParameters: map[string]string{"id": fixture.PollID},
			Headers:               map[string]string{"authorization": "Bearer " + fixture.Credential},
			QueryStringParameters: query,
		})
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %.300s %v", resp.StatusCode, resp.Body, err)
		}
		var payload strings.Builder
		enc := json.NewEncoder(&payload)
		enc.SetEscapeHTML(false) // as the Lambda runtime client does
		if err := enc.Encode(resp); err != nil || payload.Len() > maxAnswer {
			t.Fatalf("an answer of %d bytes, %v", payload.Len(), err)
		}
		if err := json.Unmarshal([]byte(resp.Body), &rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	var got []string
	poll := map[string]string{"type": "a2a_receive", "limit": "100"}
	for rows := ask(poll); len(rows) > 0; rows = ask(poll) {
		for _, r := range rows {
			got = append(got, r.MessageID)
		}
		poll["since_id"] = rows[len(rows)-1].ID
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("got %v, want %v", got, want)
	}
	if rows := ask(nil); len(rows) == 0 {
		t.Fatal("the log shows nothing")
	}
}
