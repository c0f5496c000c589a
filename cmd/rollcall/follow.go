package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// following is how long a message is followed.
type following struct {
	patience time.Duration
	// untilAnswered: only until there is an answer to whether it arrives now; a try that failed is one.
	untilAnswered bool
}

// enough reports whether what a receipt says is what was to be known.
func (f following) enough(r api.Receipt) bool {
	return !r.State.Open() || f.untilAnswered && lastTryFailed(r)
}

// lastTryFailed reports whether the last try of a message failed.
func lastTryFailed(r api.Receipt) bool {
	n := len(r.Attempts)
	return n > 0 && slices.Contains(failedTries, r.Attempts[n-1].Outcome)
}

// failedTries are the outcomes of tries that did not reach the agent, or that it did not take.
var failedTries = []chat.Outcome{
	chat.Failed, chat.Unreachable, chat.FailedAlone, chat.HostGone, chat.Refused, chat.Lost,
}

// follow prints the states of an accepted message until it has ended, or as how says. Any end but delivered is a bad
// outcome.
func (a *app) follow(ctx context.Context, id string, m accepted, how following) error {
	a.hanging("", a.printer().words(m.line()))
	next := fmt.Sprintf("follow it with: rollcall receipts %s %s", id, m.MessageID)
	if how.untilAnswered && m.Expected == string(workspace.ExpectNobody) {
		return &outcome{exitUnhealthy, "nobody takes it now, and it goes on to wait; " + next}
	}
	seen, err := a.awaitEnd(ctx, id, m.MessageID, how)
	r, ended := seen.last, seen.ended
	if errors.Is(err, context.Canceled) {
		return &outcome{exitInterrupted, "interrupted, and the message goes on; " + next}
	}
	if err != nil {
		return err
	}
	if r.MessageID != "" { // it was read at least once
		if err := a.showEnd(r, ended); err != nil {
			return err
		}
	}
	tried := seen.lastTryWords(a.printer())
	mend := ""
	if tried != "" {
		mend = "; first mend what rollcall explain " + id + " names"
	}
	switch {
	case r.State == chat.Delivered:
		return nil
	case ended:
		return &outcome{exitUnhealthy, fmt.Sprintf("it was not delivered: %s%s%s", r.State, tried, mend)}
	case how.untilAnswered && seen.failedAhead():
		return &outcome{exitUnhealthy, fmt.Sprintf("it did not arrive, and waits%s%s; %s", tried, mend, next)}
	case r.State.Open() && how.enough(r):
		return &outcome{exitUnhealthy, fmt.Sprintf(
			"it did not arrive, and is tried again; first mend what rollcall explain %s names; %s", id, next)}
	}
	return &outcome{exitUnhealthy, fmt.Sprintf("no delivery was seen within %s%s%s; %s", how.patience, tried, mend, next)}
}

// answerLines are what an agent answered: the state of its task, unless that is done,
// and what a person reads of it.
func answerLines(r api.Receipt) (lines [][]string) {
	if r.TaskState != "" && r.TaskState != chat.TaskCompleted {
		lines = append(lines, []string{"task", string(r.TaskState)})
	}
	if r.AnswerText != "" {
		lines = append(lines, []string{"answer", r.AnswerText})
	}
	return lines
}

// awaitEnd reads a message's receipt until it has ended, or as how says, and prints each state before that, each other
// failure of a try, of its own or in its place, and what it waits for then.
func (a *app) awaitEnd(ctx context.Context, id, message string, how following) (seen followed, err error) {
	printed, failed, waits, before, looked := "", "", "", "", time.Now()
	_, err = a.await(ctx, how.patience, 300*time.Millisecond, func(ctx context.Context) (bool, error) {
		var r api.Receipt
		if err := a.call(ctx, "GET", messagePath(id, message), nil, &r); err != nil {
			return false, err
		}
		seen.last = r
		if line := string(r.State) + ": " + r.Reason; line != printed && r.State.Open() {
			a.hanging(string(r.State)+": ", a.printer().words(r.Reason))
			printed = line
		}
		if lastTryFailed(r) {
			last := len(r.Attempts) - 1
			if line := tryLine(r.Attempts[last]); line != failed && r.State.Open() {
				a.hanging(tryName(r, last)+": ", line)
				failed = line
			}
		}
		if r.WaitsFor != waits && r.WaitsFor != "" {
			a.hanging("waits: ", a.printer().words(r.WaitsFor))
		}
		waits = r.WaitsFor
		if waitsBehind(r) && time.Since(looked) >= lookAhead {
			looked, seen.ahead = time.Now(), a.aheadOf(ctx, id, message)
			if r := seen.ahead; r.MessageID != "" && fmt.Sprint(r.MessageID, triesOf(r)) != before {
				a.hanging("tried first: ", a.aheadLine(r))
				before = fmt.Sprint(r.MessageID, triesOf(r))
			}
		}
		return how.enough(r) || how.untilAnswered && seen.failedAhead(), nil
	})
	seen.ended = seen.last.MessageID != "" && !seen.last.State.Open()
	return seen, err
}

// aheadLine says what the last try in a message's place came to, and when the next one is.
func (a *app) aheadLine(r api.Receipt) string {
	line := fmt.Sprintf("%s, %s %s", r.MessageID, tryName(r, len(r.Attempts)-1), tryLine(lastTry(r)))
	if r.WaitsFor != "" {
		line += "; " + a.printer().words(r.WaitsFor)
	}
	return line
}

// showEnd prints how a message ended. A state that is not the end is already
// printed for people, but not as JSON.
func (a *app) showEnd(r api.Receipt, ended bool) error {
	return a.show(r, func(w *printer) {
		if !ended {
			return
		}
		w.hanging(string(r.State)+": ", w.words(r.Reason))
		for _, line := range answerLines(r) {
			w.hanging(line[0]+": ", line[1])
		}
	})
}
