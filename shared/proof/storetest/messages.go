package storetest

import (
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

// messages is Ledger.Messages.
func (c contract) messages(t T) {
	t.Run("they come in the order asked, and as often, without those that are unknown", func(t T) {
		f, _ := c.withMail(t, 2)
		ms, err := c.Messages(t.Context(), f.Life(), "m1", "nope", "m0", "m1")
		must(t, err)
		var got []string
		for _, m := range ms {
			got = append(got, m.ID)
		}
		same(t, []string{"m1", "m0", "m1"}, got)
	})
	t.Run("none may be asked for", func(t T) {
		ms, err := c.Messages(t.Context(), c.created(t).Life())
		must(t, err)
		same(t, 0, len(ms))
	})
	t.Run("what a caller does to a message that was read is not stored", func(t T) {
		f := c.created(t)
		m := take(message(f.ID, "m0", 1, chat.Task), 1)
		m.Answer = []byte(`1`)
		c.put(t, m)
		read := c.stored(t, f.ID, "m0")[0]
		read.Attempts[0].Error, read.Body[0], read.Answer[0] = "boom", '!', '2'
		same(t, []chat.Message{m}, c.stored(t, f.ID, "m0"))
		m.Attempts[0].Error, m.Body[0] = "boom", '!' // nor what it does to what it wrote
		if got := c.stored(t, f.ID, "m0")[0]; got.Attempts[0].Error != "" || got.Body[0] == '!' {
			t.Fatalf("%+v", got)
		}
	})
	t.Run("each byte that is no text is read as U+FFFD", func(t T) {
		f := c.created(t)
		m := message(f.ID, "m0", 1, chat.Task)
		m.Body, m.Answer = []byte("\"a\xff\xfeb\""), []byte("\"\xc3\"")
		c.put(t, m)
		m.Body, m.Answer = []byte("\"a\ufffd\ufffdb\""), []byte("\"\ufffd\"")
		same(t, []chat.Message{m}, c.stored(t, f.ID, "m0"))
	})
	t.Run("no text and no attempts are read as nil, and times in UTC", func(t T) {
		f := c.created(t)
		m := message(f.ID, "m0", 1, chat.Task)
		m.Body, m.Answer = []byte{}, []byte{}
		m.NotBefore = time.Now().Add(time.Hour) // with the monotonic clock's reading
		m.Dropped = chat.Dropped{Tries: 7, Failed: 5}
		m.AsideEpoch, m.Unanswered = -1, chat.Unanswered{Epoch: 3, Gone: 2, Aside: m.NotBefore}
		c.put(t, m)
		m.Body, m.Answer, m.NotBefore = nil, nil, m.NotBefore.Round(0).UTC()
		m.Unanswered.Aside = m.NotBefore
		same(t, []chat.Message{m}, c.stored(t, f.ID, "m0"))
	})
}
