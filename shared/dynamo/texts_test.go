package dynamo

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// A message of a release that knew no texts apart is read with its long body, and its first move puts that apart.
func TestALongBodyThatStandsInItsMessageIsRead(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	f := workspace.Facts{Identity: workspace.Identity{ID: "w", Version: 1}}
	if err := s.Save(ctx, workspace.Facts{}, f, registry.SaveExtras{}); err != nil {
		t.Fatal(err)
	}
	m := chat.Message{ID: "m", Workspace: "w", Seq: 1, State: chat.Queued, Body: longText("body"), Version: 1}
	it, err := s.encodeMessage(m) // whole
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Chat, Item: it}); err != nil {
		t.Fatal(err)
	}
	read := func() chat.Message {
		ms, err := s.Messages(ctx, f.Life(), "m")
		if err != nil || len(ms) != 1 {
			t.Fatal(ms, err)
		}
		return ms[0]
	}
	was := read()
	if string(was.Body) != string(m.Body) || was.Lacks(chat.Bodies) != 0 {
		t.Fatalf("%+v", was)
	}
	claim := chat.Claim{Until: time.Now().Add(time.Minute)}
	taken := was.Take(chat.ByPoll, claim, chat.DefaultPolicy(), time.Time{}, time.Now())
	if err := s.WriteMessages(ctx, f.Life(), []chat.Move{{From: was, To: taken}}, delivery.MailboxUpdate{}); err != nil {
		t.Fatal(err)
	}
	if small := read(); small.Body != nil || small.BodyApart.Bytes != len(m.Body) {
		t.Fatalf("%+v", small)
	}
	whole, err := s.Texts(ctx, chat.Bodies, []chat.Message{read()})
	if err != nil || string(whole[0].Body) != string(m.Body) {
		t.Fatal(whole, err)
	}
}

// A former release can't take a message of which a text is apart for one without it: it finds no record.
func TestAFormerReleaseRefusesAMessageWhoseBodyIsApart(t *testing.T) {
	s := &Store{}
	small, _, _ := chat.Message{ID: "m", Workspace: "w", Body: longText("body"), State: chat.Queued}.Split()
	it, err := s.encodeMessage(small)
	if err != nil {
		t.Fatal(err)
	}
	delete(it, messageApart) // which it does not know
	if _, err := decodeMessage(it); fault.CodeOf(err) != fault.PlatformUnavailable {
		t.Fatal(err)
	}
}

// Texts outlive the message that they belong to, and a redriven one keeps its body.
func TestTextsAreKeptLongerThanTheirMessage(t *testing.T) {
	s := &Store{Retention: time.Hour}
	now := time.Now()
	for name, m := range map[string]chat.Message{
		"it ends in time":              {ExpiresAt: now.Add(time.Hour), SettledAt: now},
		"it is acknowledged after all": {ExpiresAt: now, SettledAt: now.Add(time.Hour)},
	} {
		m.ID, m.Workspace, m.State = "m", "w", chat.Delivered
		it, err := s.encodeMessage(m)
		if err != nil {
			t.Fatal(err)
		}
		if text, message := intOf(s.textTTL(m)), intOf(it[TTLAttribute]); text < message+int64(textGrace/time.Second) {
			t.Errorf("%s: the message is kept until %d, and its text until %d", name, message, text)
		}
	}
	m := chat.Message{ID: "m", Workspace: "w", State: chat.Expired, ExpiresAt: now, Body: []byte(strings.Repeat("x", 999))}
	m, _, _ = m.Split()
	again := m
	again.ExpiresAt = now.Add(24 * time.Hour)
	_, writes, err := s.writeTexts(t.Context(), []chat.Move{{From: m, To: again}})
	if err != nil || len(writes) != 1 {
		t.Fatal(writes, err)
	}
	if until := intOf(writes[0].Update.ExpressionAttributeValues[":until"]); until != intOf(s.textTTL(again)) {
		t.Errorf("the body is kept until %d", until)
	}
}
