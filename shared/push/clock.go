package push

import (
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// clockWrong is how far the clock of what answers is off at least, when it is named. Libraries of Standard Webhooks
// refuse a signature that is five minutes off.
const clockWrong = 4 * time.Minute

// blameClock tells an agent that refuses a call because of its clock, which makes it take the signature for an old one,
// or for one of times to come. sent and received are the platform's times of the call.
func blameClock(r delivery.PushResult, resp *http.Response, sent, received time.Time) delivery.PushResult {
	switch resp.StatusCode {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
	default:
		return r
	}
	off, side := clockOff(resp.Header, sent, received)
	if r.Handover != delivery.AgentError || off < clockWrong {
		return r
	}
	r.Fault, r.Why = workspace.FaultClock, fmt.Sprintf("its clock is %s %s, and %s", off.Round(time.Second), side, r.Why)
	return r
}

// clockOff is how far the clock of what answers is off at least, and to which side: the date is of a moment between
// sent and received, and it has whole seconds.
func clockOff(header http.Header, sent, received time.Time) (off time.Duration, side string) {
	date, err := http.ParseTime(header.Get("Date"))
	if err != nil || sent.IsZero() {
		return 0, ""
	}
	if behind := sent.Sub(date.Add(time.Second)); behind > 0 {
		return behind, "behind"
	}
	return max(0, date.Sub(received)), "ahead"
}
