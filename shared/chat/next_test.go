package chat_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

func TestNextKeepsOrder(t *testing.T) {
	now := t0.Add(time.Minute)
	flying := queued(1).Take(chat.ByPush, claim(now.Add(time.Minute)), p, now)
	resting := queued(1)
	resting.NotBefore = now.Add(time.Second)
	for name, c := range map[string]struct {
		open  []chat.Message
		slots int
		want  int64 // seq; 0: none
		retry time.Time
	}{
		"nothing":                              {nil, 1, 0, time.Time{}},
		"the first":                            {[]chat.Message{queued(1), queued(2)}, 1, 1, time.Time{}},
		"one in flight, one slot":              {[]chat.Message{flying, queued(2)}, 1, 0, now.Add(time.Minute)},
		"one in flight, two slots":             {[]chat.Message{flying, queued(2)}, 2, 2, time.Time{}},
		"a backoff holds back those behind it": {[]chat.Message{resting, queued(2)}, 2, 0, now.Add(time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			got, retry := chat.Next(c.open, c.slots, now)
			seq := int64(0)
			if got != nil {
				seq = got.Seq
			}
			if seq != c.want || !retry.Equal(c.retry) {
				t.Fatalf("got %d, retry %s", seq, retry)
			}
		})
	}
}
