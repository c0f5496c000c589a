package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

// follow prints the states of an accepted message until it has ended, or until
// patience has passed. Any end but delivered is a bad outcome.
func (a *app) follow(ctx context.Context, id string, m accepted, patience time.Duration) error {
	a.hanging("", a.printer().words(m.line()))
	next := fmt.Sprintf("follow it with: rollcall receipts %s %s", id, m.MessageID)
	r, ended, err := a.awaitEnd(ctx, id, m.MessageID, patience)
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
	switch {
	case r.State == chat.Delivered:
		return nil
	case ended:
		return &outcome{exitUnhealthy, fmt.Sprintf("it was not delivered: %s", r.State)}
	}
	return &outcome{exitUnhealthy, fmt.Sprintf("no delivery was seen within %s; %s", patience, next)}
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

// awaitEnd reads a message's receipt until its state is final, and prints each
// state before that, and what it waits for then. It returns the last receipt read.
func (a *app) awaitEnd(
	ctx context.Context, id, message string, patience time.Duration,
) (last api.Receipt, ended bool, err error) {
	printed, waits := "", ""
	ended, err = a.await(ctx, patience, 300*time.Millisecond, func(ctx context.Context) (bool, error) {
		var r api.Receipt
		if err := a.call(ctx, "GET", messagePath(id, message), nil, &r); err != nil {
			return false, err
		}
		last = r
		if line := string(r.State) + ": " + r.Reason; line != printed && r.State.Open() {
			a.hanging(string(r.State)+": ", a.printer().words(r.Reason))
			printed = line
		}
		if r.WaitsFor != waits && r.WaitsFor != "" {
			a.hanging("waits: ", a.printer().words(r.WaitsFor))
		}
		waits = r.WaitsFor
		return !r.State.Open(), nil
	})
	return last, ended, err
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
