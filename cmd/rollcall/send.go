package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) sendCommand() *cobra.Command {
	var patience time.Duration
	var noFollow bool
	var message string
	cmd := &cobra.Command{
		Use:   "send ID TEXT…",
		Short: "Send a message, and follow it to its end",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if message == "" {
				message = uuid.NewString()
			}
			text, err := messageText(cmd.InOrStdin(), args[1:])
			if err != nil {
				return err
			}
			out, err := a.send(cmd.Context(), args[0], message, text)
			if err != nil {
				return err
			}
			a.warnOfDelay(out)
			if !noFollow {
				return a.follow(cmd.Context(), args[0], out, following{patience: patience})
			}
			a.readExpiry(cmd.Context(), args[0], &out)
			return a.show(out, func(w *printer) { w.hanging("", w.words(out.line())) })
		},
	}
	patience = 2 * time.Minute
	positiveVar(cmd, &patience, "timeout",
		"how long to follow it, such as 10m; it can still be delivered later")
	cmd.Flags().BoolVar(&noFollow, "no-follow", false, "only send it, and don't wait for its end")
	cmd.Flags().StringVar(&message, "id", "",
		"the message's id: what is sent twice under one id is accepted once (without it: a new id)")
	return cmd
}

// readExpiry completes what is known of a message that waits by when it expires, as its receipt says. Where the receipt
// can't be read, that is left open: the message is accepted all the same.
func (a *app) readExpiry(ctx context.Context, id string, m *accepted) {
	if m.Expected == "" || m.Expected == string(workspace.ExpectNow) {
		return
	}
	var r api.Receipt
	if a.call(ctx, "GET", messagePath(id, m.MessageID), nil, &r) == nil {
		m.ExpiresAt = r.ExpiresAt
	}
}

// maxText is more than a message may have: the platform refuses it, and says how much it takes.
const maxText = 1 << 20

// messageText is the text of a message: the words, or for - what standard input has, without its last line end.
func messageText(in io.Reader, words []string) (string, error) {
	if !slices.Equal(words, []string{"-"}) {
		text := strings.Join(words, " ")
		if strings.TrimSpace(text) == "" {
			return "", &outcome{exitUsage, "the message has no text"}
		}
		return text, nil
	}
	raw, err := io.ReadAll(io.LimitReader(in, maxText))
	text := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	switch {
	case err != nil:
		return "", &outcome{exitUsage, "standard input can't be read: " + rootWords(err)}
	case strings.TrimSpace(text) == "":
		return "", &outcome{exitUsage, "standard input has no text"}
	case !utf8.ValidString(text):
		return "", &outcome{exitUsage, "standard input is not UTF-8"}
	}
	return text, nil
}

// sendTries is how often a message is sent while its acceptance is unknown.
const sendTries = 3

// send sends a message. When the call fails in a way that leaves open whether the
// message was accepted, send repeats it under the same id: the platform accepts
// an id once.
func (a *app) send(ctx context.Context, id, message, text string) (out accepted, err error) {
	maybe := false
	for try := range sendTries {
		began := time.Now()
		err = a.call(ctx, "POST", workspacePath(id)+"/a2a", client.Message(message, text), &out)
		maybe = maybe || acceptanceUnknown(err)
		if err == nil || !maybe {
			return out, err
		}
		if time.Since(began) >= longest || try == sendTries-1 {
			break // who waits that long for one call does not wait for another
		}
		if try == 0 {
			a.warnRetry(err)
		}
		if !pause(ctx, time.Second) {
			break
		}
	}
	if ended, ok := errors.AsType[*interruption](err); ok { // it knows of the last try only
		ended.maybe, ended.next = true, "rollcall receipts "+id+" says whether it was done"
		return out, ended
	}
	_, next := nextStep(nil, err)
	failed := &unreached{message: err.Error(), maybe: true}
	if none, ok := errors.AsType[*unreached](err); ok {
		failed.message = none.message // it knows of the last try only
	}
	failed.done = "; the message may have been accepted"
	failed.next = strings.TrimLeft(next+"; send it again with --id "+message+", and it is accepted once", "; ")
	return out, failed
}

// acceptanceUnknown reports whether a message may have been accepted although the
// call that sent it failed. A 429 is a plain refusal.
func acceptanceUnknown(err error) bool {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.status >= 500
	}
	none, ok := errors.AsType[*unreached](err)
	return ok && none.maybe
}

// accepted is what the platform answers to a message it took.
type accepted struct {
	MessageID string `json:"message_id"`
	Expected  string `json:"expected"`
	Status    string `json:"workspace_status"`
	Reason    string `json:"workspace_reason"`
	Hint      string `json:"hint"`
	Message   string `json:"message"`
	Depth     int    `json:"queue_depth"`

	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// line says that the message was accepted, what is expected of it, and until when it waits: nothing, of one that was
// accepted before and has ended.
func (m accepted) line() string {
	if m.Expected == "" && m.Message != "" {
		return fmt.Sprintf("%s: %s", m.MessageID, m.Message)
	}
	if m.Status == string(workspace.StatusPaused) {
		return m.MessageID + " accepted; it waits until the workspace is resumed" + m.expires(", or it expires at ")
	}
	line := fmt.Sprintf("%s accepted; expected: %s", m.MessageID, strings.ReplaceAll(m.Expected, "_", " "))
	if m.Expected != string(workspace.ExpectNow) {
		line += m.expires("; it expires at ")
	}
	return line
}

// expires says when the message expires, if nothing ends its wait before; "" where that is not known.
func (m accepted) expires(words string) string {
	if m.ExpiresAt.IsZero() {
		return ""
	}
	return words + m.ExpiresAt.UTC().Format(time.RFC3339)
}

// warnOfDelay says why a message will not arrive now.
func (a *app) warnOfDelay(m accepted) {
	switch {
	case m.Hint != "":
		a.hanging("", fmt.Sprintf("the workspace is %s (%s): %s", m.Status, m.Reason, a.printer().words(m.Hint)))
	case m.Expected == string(workspace.ExpectNobody):
		why := strings.TrimRight(m.Message, ": ")
		if why != "" {
			why = ": " + a.printer().words(why)
		}
		a.hanging("", fmt.Sprintf("the workspace is %s (%s)%s", m.Status, m.Reason, why))
	}
}
