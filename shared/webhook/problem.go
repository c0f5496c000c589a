package webhook

import (
	"fmt"
	"time"
)

// State is how a webhook does.
type State string

// The states.
const (
	Working  State = "working"  // it took the last event that was posted to it
	Waiting  State = "waiting"  // it has taken no event yet, and none has failed
	Failing  State = "failing"  // the last event that was posted to it failed
	Disabled State = "disabled" // nothing is posted to it
)

// State is how the webhook does now.
func (h Hook) State() State {
	switch {
	case !h.DisabledAt.IsZero():
		return Disabled
	case h.Failures > 0:
		return Failing
	case h.TakenAt.IsZero():
		return Waiting
	}
	return Working
}

// Inherited says what to know of a webhook that was enabled after a credential that it was made or enabled with was
// revoked; "" of any other.
func (h Hook) Inherited() string {
	if !h.TakenOver {
		return ""
	}
	text := makerRevoked + ": who had that may have chosen its URL"
	if h.SecretTo == h.CreatedBy && h.SecretLine == h.MadeLine {
		return text + ", and may know its secret: rollcall webhook rotate " + h.ID + " makes another one, and rollcall " +
			"webhook delete " + h.ID + " ends it, if nobody knows whose URL it is"
	}
	return text + ": if nobody knows whose URL it is, rollcall webhook delete " + h.ID + " ends it"
}

// Problem says what is wrong with a webhook, for who may see it, and the command that comes next; "": nothing is. The
// log is at latest. Command line and console read it from the API.
func (h Hook) Problem(latest int64) (text, command string) {
	behind := "no change waits for it"
	switch n := latest - h.Last; {
	case n == 1:
		behind = "1 change waits for it"
	case n > 1:
		behind = fmt.Sprintf("%d changes wait for it", n)
	}
	stamp := func(t time.Time) string { return t.UTC().Format(time.RFC3339) }
	switch h.State() {
	case Failing:
		tries := "1 try"
		if h.Failures > 1 {
			tries = fmt.Sprintf("%d tries in a row", h.Failures)
		}
		return fmt.Sprintf("it fails since %s, in %s: %s; %s. Mend its receiver, and post a test event to see that it works",
			stamp(h.FailingSince), tries, h.LastError, behind), "rollcall webhook test " + h.ID
	case Disabled:
		if h.Disabled == makerRevoked {
			return fmt.Sprintf("nothing is posted to it since %s: %s; %s. Who had that credential may have chosen its URL, and "+
				"knows its secret: delete it, unless you know whose URL it is. One that you know goes on with "+
				"rollcall webhook rotate %s, and then rollcall webhook enable %[4]s",
				stamp(h.DisabledAt), h.Disabled, behind, h.ID), h.Resume()
		}
		if h.Disabled == unwanted {
			return fmt.Sprintf("nothing is posted to it since %s: %s; %s. Delete it, and create one where they are wanted. If "+
				"its receiver wants them all the same, mend it, and rollcall webhook enable %s goes on",
				stamp(h.DisabledAt), h.Disabled, behind, h.ID), "rollcall webhook delete " + h.ID
		}
		return fmt.Sprintf("nothing is posted to it since %s: %s; %s. Enable it again, or delete it",
			stamp(h.DisabledAt), h.Disabled, behind), "rollcall webhook enable " + h.ID
	}
	return "", ""
}
