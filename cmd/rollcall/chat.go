package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
)

func (a *app) chat() []*cobra.Command {
	var patience time.Duration
	var detach bool
	var id string
	send := &cobra.Command{
		Use: "send ID TEXT…", Short: "Send a message, and follow it to its end", GroupID: "chat", Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if id == "" {
				id = uuid.NewString()
			}
			out, err := a.send(cmd.Context(), args[0], id, strings.Join(args[1:], " "))
			if err != nil {
				return err
			}
			a.warn(out)
			if detach {
				return a.show(out, func(w io.Writer) {
					fmt.Fprintf(w, "%s accepted; expected: %s\n", out.MessageID, said(out.Expected))
				})
			}
			return a.follow(cmd.Context(), args[0], out, patience)
		},
	}
	send.Flags().DurationVar(&patience, "timeout", 2*time.Minute, "how long to follow it; it is delivered later all the same")
	send.Flags().BoolVar(&detach, "no-follow", false, "only send it")
	send.Flags().StringVar(&id, "id", "", "send it under this id; whatever is sent again under one id is accepted once (default a new one)")

	var state string
	var limit int
	receipts := &cobra.Command{
		Use: "receipts ID [MESSAGE]", Short: "What became of its messages, newest first", GroupID: "chat", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/workspaces/" + url.PathEscape(args[0]) + "/messages"
			if len(args) == 2 {
				var r httpapi.Receipt
				if err := a.call(cmd.Context(), "GET", path+"/"+url.PathEscape(args[1]), nil, &r); err != nil {
					return err
				}
				return a.show(r, func(w io.Writer) { receiptTable(w, r) })
			}
			q := url.Values{}
			if state != "" {
				q.Set("state", state)
			}
			rs, more, err := pages(cmd.Context(), a, path, q, limit, func(p page) []httpapi.Receipt { return p.Messages })
			if err != nil {
				return err
			}
			return a.show(rs, func(w io.Writer) {
				receiptsTable(w, rs)
				moreLine(w, more, limit)
			})
		},
	}
	receipts.Flags().StringVar(&state, "state", "", "only these: queued, in_flight, delivered, expired, cancelled, dead")
	receipts.Flags().IntVar(&limit, "limit", 50, "how many")
	return []*cobra.Command{send, receipts}
}

// sendTries is how often a message whose acceptance is not known is sent again.
const sendTries = 3

// send goes on under one id, as the platform accepts that once.
func (a *app) send(ctx context.Context, workspace, id, text string) (out accepted, err error) {
	for try := range sendTries {
		err = a.call(ctx, "POST", "/workspaces/"+url.PathEscape(workspace)+"/a2a", client.Message(id, text), &out)
		refused, typed := errors.AsType[*refusal](err)
		if err == nil || a.local.URL == "" || !passing(err) || (typed && refused.status < 500) {
			return out, err
		}
		if try == 0 {
			a.again(err)
		}
		if !pause(ctx, time.Second) {
			break
		}
	}
	return out, &outcome{exitUnreachable, fmt.Sprintf("%v; it may have been accepted all the same: send it again with --id %s, and it is accepted once", err, id)}
}

func said(expected string) string { return strings.ReplaceAll(expected, "_", " ") }

// accepted is what the platform answers to a message it took.
type accepted struct {
	MessageID string `json:"message_id"`
	Expected  string `json:"expected"`
	Status    string `json:"workspace_status"`
	Reason    string `json:"workspace_reason"`
	Hint      string `json:"hint"`
	Message   string `json:"message"`
	Depth     int    `json:"queue_depth"`
}

// warn says why a message will not arrive now.
func (a *app) warn(m accepted) {
	switch {
	case a.output != "table":
	case m.Hint != "":
		fmt.Fprintf(a.out, "the workspace is %s (%s): %s\n", m.Status, m.Reason, m.Hint)
	case m.Expected == string(delivery.ExpectNobody):
		fmt.Fprintf(a.out, "the workspace is %s (%s): %s\n", m.Status, m.Reason, strings.TrimRight(m.Message, ": "))
	}
}

// follow tells a message's states until its end, or until patience is at its own.
func (a *app) follow(ctx context.Context, id string, m accepted, patience time.Duration) error {
	tell := func(format string, args ...any) {
		if a.output == "table" {
			fmt.Fprintf(a.out, format, args...)
		}
	}
	tell("%s accepted; expected: %s\n", m.MessageID, said(m.Expected))
	on := fmt.Sprintf("follow it with: rollcall receipts %s %s", id, m.MessageID)
	var r httpapi.Receipt
	last := ""
	done, err := a.until(ctx, patience, 300*time.Millisecond, func(ctx context.Context) (bool, error) {
		var is httpapi.Receipt
		if err := a.call(ctx, "GET", "/workspaces/"+url.PathEscape(id)+"/messages/"+m.MessageID, nil, &is); err != nil {
			return false, err
		}
		r = is
		if now := string(r.State) + ": " + r.Reason; now != last && r.State.Open() {
			tell("%s\n", now)
			last = now
		}
		return !r.State.Open(), nil
	})
	if errors.Is(err, context.Canceled) {
		return &outcome{exitInterrupted, "interrupted, and the message goes on; " + on}
	}
	if err != nil {
		return err
	}
	if r.MessageID != "" {
		if err := a.show(r, func(w io.Writer) {
			if !done {
				return // its state was told
			}
			fmt.Fprintf(w, "%s: %s\n", r.State, r.Reason)
			if text := chat.Text(r.Answer); text != "" {
				fmt.Fprintf(w, "answer: %s\n", text)
			}
		}); err != nil {
			return err
		}
	}
	switch {
	case r.State == chat.Delivered:
		return nil
	case done:
		return &outcome{exitNotSo, fmt.Sprintf("it was not delivered: %s", r.State)}
	}
	return &outcome{exitNotSo, fmt.Sprintf("not seen delivered within %s; %s", patience, on)}
}

func receiptsTable(w io.Writer, rs []httpapi.Receipt) {
	if len(rs) == 0 {
		fmt.Fprintln(w, "no messages")
		return
	}
	rows := [][]string{{"MESSAGE", "SEQ", "STATE", "ACCEPTED", "TRIES", ""}}
	for _, r := range rs {
		rows = append(rows, []string{r.MessageID, strconv.FormatInt(r.Seq, 10), string(r.State), at(r.AcceptedAt), strconv.Itoa(len(r.Attempts)), clip(r.Reason, 90)})
	}
	table(w, rows)
}

func receiptTable(w io.Writer, r httpapi.Receipt) {
	rows := [][]string{{"message", r.MessageID}, {"state", fmt.Sprintf("%s: %s", r.State, r.Reason)}, {"accepted", at(r.AcceptedAt)}, {"expires", at(r.ExpiresAt)}}
	if !r.SettledAt.IsZero() {
		rows = append(rows, []string{"ended", at(r.SettledAt)})
	}
	for i, t := range r.Attempts {
		line := fmt.Sprintf("%s  by %s: %s", at(t.At), t.Via, t.Outcome)
		if t.Error != "" {
			line += " (" + t.Error + ")"
		}
		rows = append(rows, []string{fmt.Sprintf("try %d", i+1), line})
	}
	if text := chat.Text(r.Answer); text != "" {
		rows = append(rows, []string{"answer", text})
	}
	table(w, rows)
}
