package main

import (
	"context"
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

// lookAhead is how often it is looked at what is tried in a message's place.
const lookAhead = 2 * time.Second

// aheadOf is the message that is tried in the place of one that waits for its first try: of those that wait with it,
// the one whose last try failed last. It is the zero Receipt where there is none among the newest 100.
func (a *app) aheadOf(ctx context.Context, id, message string) (ahead api.Receipt) {
	var all api.Receipts
	if a.call(ctx, "GET", workspacePath(id)+"/messages?state="+string(chat.Queued), nil, &all) != nil {
		return ahead // it is looked at again
	}
	for _, r := range all.Messages {
		if r.MessageID != message && lastTryFailed(r) && lastTry(r).At.After(lastTry(ahead).At) {
			ahead = r
		}
	}
	return ahead
}

// lastTry is the last attempt of a message; the zero one if there was none.
func lastTry(r api.Receipt) (last api.Attempt) {
	if n := len(r.Attempts); n > 0 {
		last = r.Attempts[n-1]
	}
	return last
}

// waitsBehind reports whether a message waits for its first try, while others may be tried in its place.
func waitsBehind(r api.Receipt) bool { return r.State == chat.Queued && len(r.Attempts) == 0 }

// followed is what was seen of a message, and of the one that was tried in its place.
type followed struct {
	last, ahead api.Receipt
	ended       bool
}

// failedAhead reports whether the message that is tried first failed after the followed one was accepted: that one
// would have failed too.
func (f followed) failedAhead() bool {
	return waitsBehind(f.last) && lastTry(f.ahead).At.After(f.last.AcceptedAt)
}

// lastTryWords say what the last try came to, of this message or in its place; "" when none is known.
func (f followed) lastTryWords(w *printer) string {
	of, try := "its last try", lastTry(f.last)
	if len(f.last.Attempts) == 0 {
		of, try = f.ahead.MessageID+" is tried first, and its last try", lastTry(f.ahead)
	}
	if try.At.IsZero() || try.Outcome == chat.Succeeded {
		return ""
	}
	return fmt.Sprintf("; %s, at %s, was %s", of, w.at(try.At), tryLine(try))
}
