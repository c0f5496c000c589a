package main

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A client that finds no text in a message shows its row's summary. It says what the
// message carries, and so does the text that another client reads.
func TestRowsOfMessagesWithoutText(t *testing.T) {
	const file = "file b.png (image/png) https://x/b.png"
	const data = `data {"a":1}`
	const from = "message/send from the user"
	for parts, want := range map[string]struct{ summary, text string }{
		`{"kind":"text","text":"hi"}`: {from, "hi"},
		`{"text":"hi"}`:               {"hi", "hi"},
		`{"kind":"file","file":{"name":"b.png","mimeType":"image/png","uri":"https://x/b.png"}}`: {file, file},
		`{"data":{"a":1}},{"kind":"text","text":""}`:                                             {data, data},
		`{"kind":"custom"}`: {from, ""},
		`{"kind":"text","text":"see"},{"kind":"file","file":{"uri":"u","name":"q"}},{"data":1}`: {
			"see\nfile q u", "see\nfile q u",
		},
		`{"text":"see"},{"url":"u","filename":"q"}`: {"see\nfile q u", "see\nfile q u"},
	} {
		m := chat.Message{
			ID: "m", Workspace: "w", Method: "message/send",
			Body: json.RawMessage(`{"params":{"message":{"parts":[` + parts + `]}}}`),
		}
		if row := messageRow(m, nil); row.Summary != want.summary || row.Data.Text != want.text {
			t.Errorf("%s: %q, %q", parts, row.Summary, row.Data.Text)
		}
		stored := `{"params":{"message":{"parts":[` + parts + `]}}}`
		shown := stored
		if want.text == file || want.text == data {
			text, _ := chat.Marshal(want.text)
			shown = `{"params":{"message":{"parts":[` + parts + `,{"kind":"text","text":` + string(text) + `}]}}}`
		}
		if row := messageRow(m, nil); string(row.RequestBody) != shown || string(m.Body) != stored {
			t.Errorf("%s: the row has %s, and the message is %s", parts, row.RequestBody, m.Body)
		}
	}
}

// What the platform says comes from a peer that is no workspace: a client that answers users does not take it for one,
// and no profile of its is asked for.
func TestTheRowOfANoticeIsThePlatforms(t *testing.T) {
	sent := chat.Message{ID: "m", Workspace: "w", Source: "asks", State: chat.Expired, Reason: "why"}
	notice := sent.Notice("_n", workspace.Platform)
	if _, err := sendersOf(t.Context(), nil, []chat.Message{notice}); err != nil {
		t.Error(err)
	}
	row := withPeerInfo(messageRow(notice, nil), "http://platform")
	if row.SourceID == nil || *row.SourceID != "_rollcall" || row.Data.Source != "peer_agent" ||
		row.Data.PeerName != "Rollcall" || row.PeerName != "Rollcall" || row.AgentCardURL != "" ||
		row.Summary != "message/send from Rollcall" || row.Data.Text != chat.Shown(notice.Body) {
		t.Errorf("%+v %+v", row, row.Data)
	}
}

// What an agent reports is its own word, whatever type it gives it.
func TestAReportIsTheAgentsOwn(t *testing.T) {
	for kind, reported := range map[string]bool{"a2a_receive": true, "a2a_send": true, "note": true, typeNotify: false} {
		row := loggedRow(activity.Row{ID: "r", Workspace: "w", Type: kind, Method: "message/send", Summary: "pay"})
		own := row.SourceID != nil && *row.SourceID == "w"
		if row.Reported != reported || own != reported || row.Data != nil {
			t.Errorf("%s: %+v", kind, row)
		}
	}
}

// The log that is asked for what came from the user has nothing that the agent reported, and that of agents has it,
// whether or not the agent's client names a source: both say of a row what the row says.
func TestAReportIsNotFromTheUser(t *testing.T) {
	for _, kind := range []string{"a2a_receive", "a2a_send", typeDelegation, "note", typeNotify} {
		for _, source := range []string{"", "w"} {
			row := activity.Row{ID: "r", Workspace: "w", Type: kind, SourceID: source}
			users := loggedRow(row).SourceID == nil
			for asked, want := range map[string]bool{"canvas": users, "agent": !users, "": true} {
				if got := (query{workspace: "w", source: asked}).wants(activity.Item{Row: &row}); got != want {
					t.Errorf("%s of source %q, asked for %q: %t", kind, source, asked, got)
				}
			}
		}
	}
}

// What a row says of its sender begins with the sender's kind: no card's name makes a workspace a user or the platform.
func TestNoNameMakesAWorkspaceAUser(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		like := rapid.SampledFrom([]string{"the user", "Rollcall", "", "w (the user)"})
		name := rapid.OneOf(like, rapid.String()).Draw(rt, "name")
		id := rapid.SampledFrom([]string{"w", "users", "Rollcall"}).Draw(rt, "id")
		m := chat.Message{ID: "m", Workspace: "to", Source: id, Method: "message/send", Body: json.RawMessage(`{}`)}
		said := messageRow(m, map[string]workspace.Profile{id: {CardName: name}}).Summary
		if rest, ok := strings.CutPrefix(said, "message/send from workspace "+id); !ok || (rest != "" && rest[0] != ' ') {
			rt.Fatalf("a workspace called %q is shown as %q", name, said)
		}
	})
}
