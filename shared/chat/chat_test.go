package chat_test

import (
	"time"

	"github.com/rollcall/rollcall/shared/chat"
)

var (
	t0 = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	p  = chat.DefaultPolicy()
)

func queued(seq int64) chat.Message {
	return chat.Message{ID: "m", Seq: seq, Version: 1, State: chat.Queued, AcceptedAt: t0, ExpiresAt: t0.Add(time.Hour)}
}

func claim(until time.Time) chat.Claim { return chat.Claim{Token: "c", Until: until} }
