package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

// long is a text that is too long to stand in its message.
func long(of string) []byte {
	return fmt.Appendf(nil, `"%s %s"`, of, strings.Repeat("x", chat.InlineText))
}

// withLong accepts a message with a long body.
func (c contract) withLong(t T) chat.Message {
	t.Helper()
	m := message(c.created(t).ID, "m0", 1, chat.Task)
	m.Body = long("body")
	c.put(t, m)
	return m
}

// head is a stored message of a first life without the texts that are apart.
func (c contract) head(t T, id string) chat.Message {
	t.Helper()
	ms, err := c.Messages(t.Context(), first(id), "m0")
	must(t, err)
	same(t, 1, len(ms))
	return ms[0]
}

// longTexts is Ledger.Texts, and what the other calls do with long texts.
func (c contract) longTexts(t T) {
	t.Run("a long body is read only when it is asked for", c.longBody)
	t.Run("a short text stands in its message", func(t T) {
		_, ms := c.withMail(t, 1)
		same(t, chat.Apart{}, ms[0].BodyApart)
		same(t, ms, c.whole(t, ms...))
		none, err := c.Texts(t.Context(), chat.Bodies, nil)
		must(t, err)
		same(t, 0, len(none))
	})
	t.Run("moves keep the body, whether it was read or not, and bring an answer", c.longAnswer)
	t.Run("what is not stored overwrites nothing", c.overwritesNothing)
	t.Run("a message that is redriven has its body", func(t T) {
		m := c.withLong(t)
		read := c.stored(t, m.Workspace, "m0")[0]
		ended := read.Expire(m.ExpiresAt)
		must(t, c.write(t, read, ended, delivery.MailboxUpdate{}))
		again, err := ended.Redrive(chat.DefaultPolicy(), m.ExpiresAt.AddDate(0, 0, 1))
		must(t, err)
		must(t, c.write(t, ended, again, delivery.MailboxUpdate{}))
		same(t, []chat.Message{again}, c.stored(t, m.Workspace, "m0"))
	})
	t.Run("each byte of a long text that is no text is read as U+FFFD", func(t T) {
		m := message(c.created(t).ID, "m0", 1, chat.Task)
		m.Body = append(long("body"), "\xff"...)
		c.put(t, m)
		same(t, string(long("body"))+"\ufffd", string(c.stored(t, m.Workspace, "m0")[0].Body))
	})
	t.Run("texts are erased with their life", func(t T) {
		m := c.withLong(t)
		read := c.head(t, m.Workspace)
		left, err := c.Erase(t.Context(), delivery.LifeOf(m))
		must(t, err)
		same(t, false, left)
		same(t, "", string(c.whole(t, read)[0].Body))
	})
	t.Run("a long row is apart from its head", c.longRow)
	t.Run("a log of messages reads no row", c.logOfMessages)
}

func (c contract) longBody(t T) {
	m := c.withLong(t)
	small, _, _ := m.Split()
	read := c.head(t, m.Workspace)
	same(t, small, read)
	same(t, len(m.Body), read.BodyApart.Bytes)
	items := c.entries(t, delivery.LifeOf(m), activity.Range{Limit: 1})
	same(t, []activity.Item{{OrderKey: activity.MessageOrderKey(m), Message: &small}}, items)
	for which, want := range map[chat.Texts][]byte{0: nil, chat.Answers: nil, chat.Bodies: m.Body} {
		got, err := c.Texts(t.Context(), which, []chat.Message{read})
		must(t, err)
		same(t, string(want), string(got[0].Body))
		same(t, 0, len(read.Body)) // what was given is not changed
	}
}

// longRow is that a log reads the heads of long rows, by which it can be filtered, and whole rows only when asked.
func (c contract) longRow(t T) {
	id := uuid.NewString()
	short, row := note("a", id, t0), note("b", id, t0.Add(time.Second))
	row.TargetID, row.SourceID, row.ErrorDetail = "peer", id, "why"
	row.Request, row.Response = long(strings.Repeat("body", activity.InlineRow)), []byte(`{"answer":1}`)
	must(t, c.AddRow(t.Context(), short))
	must(t, c.AddRow(t.Context(), row))
	items, err := c.ActivityLog(t.Context(), first(id), activity.Range{Limit: 2})
	must(t, err)
	same(t, 2, len(items))
	for _, i := range items {
		if i.Bytes == 0 || i.Bytes > 4<<10 {
			t.Fatalf("%s: %d bytes were read", i.Row.ID, i.Bytes)
		}
	}
	head := *items[0].Row
	if size := head.Apart.Bytes; size < len(row.Request) || size > len(row.Request)+1024 || head.Apart.Row < size {
		t.Fatalf("%+v", head.Apart)
	}
	same(t, true, head.Apart.Own)
	same(t, short, *items[1].Row)
	same(t, row.Head(nil).OrderKey(), items[0].OrderKey)
	head.Apart = row.Head(nil).Apart
	same(t, row.Head(nil), head)
	read := []activity.Row{*items[0].Row, short}
	whole, err := c.WholeRows(t.Context(), read)
	must(t, err)
	same(t, []activity.Row{row, short}, whole)
	same(t, *items[0].Row, read[0]) // what was given is not changed
	_, err = c.Erase(t.Context(), first(id))
	must(t, err)
	whole, err = c.WholeRows(t.Context(), read)
	must(t, err)
	same(t, read, whole)
}

// logOfMessages is that of the rows in a log of messages only their places are read: whoever reads a workspace's
// messages pays nothing for what its agent wrote.
func (c contract) logOfMessages(t T) {
	f, ms := c.withMail(t, 2) // at 1, 2 s
	for i := range 3 {
		row := note(fmt.Sprint("r", i), f.ID, t0.Add(time.Duration(i)*time.Second))
		row.Request = long("row")
		must(t, c.AddRow(t.Context(), row))
	}
	items, err := c.ActivityLog(t.Context(), f.Life(), activity.Range{Limit: 10, Messages: true})
	must(t, err)
	var got []string
	for _, i := range items {
		if i.Row != nil || i.Message == nil != (i.Bytes == 0) {
			t.Fatalf("%+v", i)
		}
		if i.Message != nil {
			got = append(got, i.Message.ID)
		}
	}
	same(t, []string{ms[1].ID, ms[0].ID}, got)
	same(t, 5, len(items))
	page, err := c.ActivityLog(t.Context(), f.Life(), activity.Range{Limit: 2, Messages: true, Below: items[1].OrderKey})
	must(t, err)
	same(t, []string{items[2].OrderKey, items[3].OrderKey}, []string{page[0].OrderKey, page[1].OrderKey})
}

func (c contract) longAnswer(t T) {
	m := c.withLong(t)
	read := c.head(t, m.Workspace)
	taken := take(read, 1)
	must(t, c.write(t, read, taken, delivery.MailboxUpdate{}))
	taken.Body = m.Body
	ended := taken.Deliver("ok", long("answer"), "", t0)
	must(t, c.write(t, taken, ended, delivery.MailboxUpdate{}))
	small, _, _ := ended.Split()
	same(t, small, c.head(t, m.Workspace))
	got := c.stored(t, m.Workspace, "m0")[0]
	same(t, string(m.Body), string(got.Body))
	same(t, string(long("answer")), string(got.Answer))
	same(t, len(got.Answer), got.AnswerApart.Bytes)
	told := got.Tell(chat.Told{Tries: 1})
	must(t, c.write(t, got, told, delivery.MailboxUpdate{}))
	same(t, []chat.Message{told}, c.stored(t, m.Workspace, "m0"))
}

// overwritesNothing is that whoever loses a race has not written over a text of who won.
func (c contract) overwritesNothing(t T) {
	m := c.withLong(t)
	other := m
	other.Seq, other.Digest, other.Body = 2, "other", long("another")
	was, err := c.Put(t.Context(), other)
	must(t, err)
	same(t, m.Seq, was.Seq)
	taken := take(was, 1)
	must(t, c.write(t, was, taken, delivery.MailboxUpdate{}))
	ended := taken.Deliver("ok", long("answer"), "", t0)
	must(t, c.write(t, taken, ended, delivery.MailboxUpdate{}))
	late := taken.Deliver("ok", long("late"), "", t0)
	wantCode(t, c.write(t, taken, late, delivery.MailboxUpdate{}), fault.Conflict)
	got := c.stored(t, m.Workspace, "m0")[0]
	same(t, string(m.Body), string(got.Body))
	same(t, string(long("answer")), string(got.Answer))
}
