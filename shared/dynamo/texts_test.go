package dynamo

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/activity"
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

// partitions are the bytes that each partition of the chat table holds.
func partitions(t *testing.T, s *Store) map[string]int {
	t.Helper()
	page, err := s.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.Chat})
	if err != nil || len(page.LastEvaluatedKey) > 0 {
		t.Fatal(err, page.LastEvaluatedKey)
	}
	out := map[string]int{}
	for _, it := range page.Items {
		out[strOf(it[ChatPartition])] += ItemSize(it)
	}
	return out
}

// The local indexes bound a partition to 10 GB. Whatever is sent to a workspace, written into its log or answered by
// its agent, no partition grows by long texts, and no sender takes from the others what the partition holds.
func TestNoPartitionHoldsLongTextsOfTwoItems(t *testing.T) {
	const long = 100 << 10
	s, ctx := newStore(t), t.Context()
	f := workspace.Facts{Identity: workspace.Identity{ID: "w", Version: 1}}
	if err := s.Save(ctx, workspace.Facts{}, f, registry.SaveExtras{}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b", "c"} {
		m := chat.Message{
			ID: id, Workspace: "w", Seq: int64(id[0]), State: chat.Delivered, Version: 1,
			Body: []byte(`"` + strings.Repeat("x", long) + `"`), Answer: []byte(`"` + strings.Repeat("y", long) + `"`),
		}
		if _, err := s.Put(ctx, m); err != nil {
			t.Fatal(err)
		}
		row := activity.Row{ID: id, Workspace: "w", Type: "notify", At: time.Now(), Request: m.Body}
		if err := s.AddRow(ctx, row); err != nil {
			t.Fatal(err)
		}
	}
	for partition, bytes := range partitions(t, s) {
		if limit := 2*long + 4<<10; bytes > limit {
			t.Errorf("partition %s holds %d bytes", partition, bytes)
		}
		if strings.HasPrefix(partition, lifePartition) && bytes > 16<<10 {
			t.Errorf("partition %s, which all senders share, holds %d bytes", partition, bytes)
		}
	}
	for left := true; left; {
		var err error
		if left, err = s.Erase(ctx, f.Life()); err != nil {
			t.Fatal(err)
		}
	}
	if left := partitions(t, s); len(left) != 0 {
		t.Errorf("an erased life leaves %v", left)
	}
}

// asFormer stores the texts and the long rows of a life as a former release did: all in one partition.
func asFormer(t *testing.T, s *Store, life workspace.Life) {
	t.Helper()
	page, err := s.DB.Scan(t.Context(), &dynamodb.ScanInput{TableName: &s.Chat})
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range page.Items {
		former := maps.Clone(it)
		partition := strOf(it[ChatPartition])
		switch record := strOf(it[messageApart]) + strOf(it[recordAttribute]); {
		case strings.HasPrefix(partition, textPartition):
			former[ChatPartition] = str("B#" + life.Key())
		case strings.Contains(record, `"Own":true`):
			delete(former, messageApart)
			former[map[bool]string{true: "apart", false: recordAttribute}[isMessage(it)]] = str(
				strings.ReplaceAll(record, `,"Own":true`, ""))
		default:
			continue
		}
		key := item{ChatPartition: it[ChatPartition], ChatSort: it[ChatSort]}
		if _, err := s.DB.(*dynamodb.Client).DeleteItem(t.Context(), &dynamodb.DeleteItemInput{
			TableName: &s.Chat, Key: key,
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.DB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &s.Chat, Item: former}); err != nil {
			t.Fatal(err)
		}
	}
}

// What a former release wrote is read where it stands, and what is written of it today is read too.
func TestTextsOfAFormerReleaseAreRead(t *testing.T) {
	s, ctx := newStore(t), t.Context()
	f := workspace.Facts{Identity: workspace.Identity{ID: "w", Version: 1}}
	if err := s.Save(ctx, workspace.Facts{}, f, registry.SaveExtras{}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	m := chat.Message{
		ID: "m", Workspace: "w", Seq: 1, State: chat.Queued, Version: 1, ExpiresAt: now.Add(time.Hour),
		Body: longText("body"),
	}
	row := activity.Row{
		ID: "r", Workspace: "w", Type: "notify", At: now,
		Request: []byte(`"` + strings.Repeat("x", activity.InlineRow) + `"`),
	}
	if _, err := s.Put(ctx, m); err != nil {
		t.Fatal(err)
	}
	if err := s.AddRow(ctx, row); err != nil {
		t.Fatal(err)
	}
	asFormer(t, s, f.Life())
	if got := partitions(t, s); len(got) != 2 || got["B#w"] == 0 {
		t.Fatalf("no former release wrote %v", got)
	}
	read := func(answer string) chat.Message {
		t.Helper()
		ms, err := s.Messages(ctx, f.Life(), "m")
		if err != nil || len(ms) != 1 {
			t.Fatal(ms, err)
		}
		whole, err := s.Texts(ctx, chat.Bodies|chat.Answers, ms)
		if err != nil || string(whole[0].Body) != string(m.Body) || string(whole[0].Answer) != answer {
			t.Fatalf("%s %s %v", whole[0].Body, whole[0].Answer, err)
		}
		return ms[0]
	}
	write := func(from, to chat.Message) {
		t.Helper()
		if err := s.WriteMessages(ctx, f.Life(), []chat.Move{{From: from, To: to}}, delivery.MailboxUpdate{}); err != nil {
			t.Fatal(err)
		}
	}
	was := read("")
	taken := was.Take(chat.ByPoll, chat.Claim{Until: now.Add(time.Minute)}, chat.DefaultPolicy(), time.Time{}, now)
	write(was, taken)
	write(taken, read("").Deliver("ok", longText("answer"), "", now))
	read(string(longText("answer")))
	items, err := s.ActivityLog(ctx, f.Life(), activity.Range{Before: now.AddDate(1, 0, 0), Limit: 10})
	if err != nil || len(items) != 2 {
		t.Fatal(items, err)
	}
	for _, i := range items {
		if i.Row == nil {
			continue
		}
		whole, err := s.WholeRows(ctx, []activity.Row{*i.Row})
		if err != nil || string(whole[0].Request) != string(row.Request) {
			t.Fatal(whole, err)
		}
	}
	if left, err := s.Erase(ctx, f.Life()); left || err != nil {
		t.Fatal(left, err)
	}
	if left := partitions(t, s); len(left) != 0 {
		t.Errorf("an erased life leaves %v", left)
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
	for _, known := range []string{formerApart, recordAttribute} { // all that it knows
		if _, ok := it[known]; ok {
			t.Errorf("it finds a record under %s", known)
		}
	}
	delete(it, messageApart)
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
