package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

func (a *app) receiptsCommand() *cobra.Command {
	var state string
	var limit int
	var since age
	cmd := &cobra.Command{
		Use:   "receipts ID [MESSAGE]",
		Short: "What became of its messages, newest first",
		Args:  cobra.RangeArgs(1, 2), ValidArgsFunction: a.completeMessages,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return a.showReceipt(cmd.Context(), args[0], args[1])
			}
			return a.showReceipts(cmd.Context(), args[0], state, limit, since)
		},
	}
	choiceVar(cmd, &state, "state", "only these", chat.State("").Choices())
	cmd.Flags().IntVar(&limit, "limit", 50, "how many")
	sinceVar(cmd, &since)
	return cmd
}

// showReceipt prints one message's receipt with its attempts and its answer.
func (a *app) showReceipt(ctx context.Context, id, message string) error {
	var r api.Receipt
	if err := a.call(ctx, "GET", messagePath(id, message), nil, &r); err != nil {
		return err
	}
	return a.show(r, func(w *printer) { receiptTable(w, r) })
}

// showReceipts prints a workspace's messages, or those in one state.
func (a *app) showReceipts(ctx context.Context, id, state string, limit int, since age) error {
	query := url.Values{}
	if state != "" {
		query.Set("state", state)
	}
	receipts, more, err := pages(ctx, a, workspacePath(id)+"/messages", query, limit,
		func(p page) []api.Receipt { return p.Messages },
		func(r api.Receipt) bool { return since.holds(r.AcceptedAt, time.Now()) })
	if err != nil {
		return err
	}
	return a.show(receipts, func(w *printer) {
		receiptsTable(w, receipts)
		moreLine(w, more, limit)
	})
}

// receiptsTable prints a line for each message.
func receiptsTable(w *printer, receipts []api.Receipt) {
	if len(receipts) == 0 {
		fmt.Fprintln(w, "no messages")
		return
	}
	rows := [][]string{{"MESSAGE", "SEQ", "STATE", "ACCEPTED", "TRIES", "REASON"}}
	for _, r := range receipts {
		rows = append(rows, []string{
			r.MessageID, strconv.FormatInt(r.Seq, 10), string(r.State), w.at(r.AcceptedAt),
			strconv.Itoa(len(r.Attempts)), w.words(r.Reason),
		})
	}
	w.table(rows)
}

// sentWords are which person sent a message.
func sentWords(r api.Receipt) string { return "by " + r.SentBy + " from " + r.SentFrom }

// receiptTable prints one message, a line for each of its facts.
func receiptTable(w *printer, r api.Receipt) {
	rows := [][]string{
		{"message", r.MessageID},
		{"state", fmt.Sprintf("%s: %s", r.State, w.words(r.Reason))},
		{"accepted", w.at(r.AcceptedAt)},
		{"expires", w.at(r.ExpiresAt)},
	}
	if r.SentBy != "" {
		rows = append(rows, []string{"sent", sentWords(r)})
	}
	if !r.SettledAt.IsZero() {
		rows = append(rows, []string{"ended", w.at(r.SettledAt)})
	}
	for i, t := range r.Attempts {
		line := fmt.Sprintf("%s  by %s: %s", w.at(t.At), t.Via, cmp.Or(t.Text, string(t.Outcome)))
		if t.Error != "" {
			line += " (" + t.Error + ")"
		}
		rows = append(rows, []string{fmt.Sprintf("try %d", i+1), line})
	}
	if c := r.Callback; c != nil {
		rows = append(rows, []string{"callback", fmt.Sprintf("%s, %s %s", c.State, count(c.Tries, "call"), c.Error)})
	}
	w.facts(append(rows, answerLines(r)...))
}
