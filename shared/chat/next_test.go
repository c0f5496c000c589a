package chat_test

import (
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

func TestNextKeepsOrder(t *testing.T) {
	now := t0.Add(time.Minute)
	flying := taken(queued(1), now)
	flying.Claim.Until = now.Add(time.Minute)
	aside := queued(1)
	aside.NotBefore, aside.AsideEpoch = now.Add(time.Second), 1
	for name, c := range map[string]struct {
		open  []chat.Message
		slots int
		epoch int64
		want  int64 // seq; 0: none
		retry time.Time
	}{
		"nothing":                         {nil, 1, 1, 0, time.Time{}},
		"the first":                       {[]chat.Message{queued(1), queued(2)}, 1, 1, 1, time.Time{}},
		"one in flight, one slot":         {[]chat.Message{flying, queued(2)}, 1, 1, 0, now.Add(time.Minute)},
		"one in flight, two slots":        {[]chat.Message{flying, queued(2)}, 2, 1, 2, time.Time{}},
		"one set aside lets others go":    {[]chat.Message{aside, queued(2)}, 1, 1, 2, time.Time{}},
		"nothing but one set aside":       {[]chat.Message{aside}, 1, 1, 0, now.Add(time.Second)},
		"a newer host gets it at once":    {[]chat.Message{aside, queued(2)}, 1, 2, 1, time.Time{}},
		"set aside, behind one in flight": {[]chat.Message{flying, aside}, 1, 1, 0, now.Add(time.Second)},
	} {
		t.Run(name, func(t *testing.T) {
			got, retry := chat.Next(c.open, c.slots, chat.Host{Epoch: c.epoch}, now)
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
