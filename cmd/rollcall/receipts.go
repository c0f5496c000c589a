package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/people"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) receiptsCommand() *cobra.Command {
	var only receiptFilter
	var limit int
	var since age
	var lost bool
	cmd := &cobra.Command{
		Use:   "receipts ID [MESSAGE]",
		Short: "What became of its messages, newest first",
		Args:  cobra.RangeArgs(1, 2), ValidArgsFunction: a.completeMessages,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 {
				return a.showReceipt(cmd.Context(), args[0], args[1])
			}
			if lost {
				return a.showLost(cmd.Context(), args[0], only.from, limit, since)
			}
			return a.showReceipts(cmd.Context(), args[0], only, limit, since)
		},
	}
	choiceVar(cmd, &only.state, "state", "only messages in this state", chat.State("").Choices())
	a.fromVar(cmd, &only.from)
	cmd.Flags().BoolVar(&lost, "lost", false, "only messages that died or expired")
	cmd.MarkFlagsMutuallyExclusive("lost", "state")
	cmd.Flags().IntVar(&limit, "limit", 50, "how many messages at most")
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

// receiptFilter picks messages of a workspace. The zero filter picks all.
type receiptFilter struct{ state, from string }

// query is the filter in a call's query.
func (f receiptFilter) query() url.Values {
	query := url.Values{}
	for name, value := range map[string]string{"state": f.state, "from": f.from} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}

// showReceipts prints those of a workspace's messages that only picks.
func (a *app) showReceipts(ctx context.Context, id string, only receiptFilter, limit int, since age) error {
	receipts, more, err := a.readReceipts(ctx, id, only, limit, since)
	if err != nil {
		return err
	}
	return a.show(receipts, func(w *printer) {
		receiptsTable(w, receipts)
		moreLine(w, more, limit)
	})
}

// showLost prints those of a workspace's messages that died or expired.
func (a *app) showLost(ctx context.Context, id, from string, limit int, since age) error {
	lost, more := []api.Receipt{}, false
	for _, state := range []chat.State{chat.Dead, chat.Expired} {
		receipts, left, err := a.readReceipts(ctx, id, receiptFilter{state: string(state), from: from}, limit, since)
		if err != nil {
			return err
		}
		lost, more = append(lost, receipts...), more || left
	}
	slices.SortFunc(lost, func(a, b api.Receipt) int { return cmp.Compare(b.Seq, a.Seq) })
	if len(lost) > limit {
		lost, more = lost[:limit], true
	}
	return a.show(lost, func(w *printer) {
		receiptsTable(w, lost)
		moreLine(w, more, limit)
	})
}

// readReceipts reads the newest of a workspace's messages that only picks.
func (a *app) readReceipts(
	ctx context.Context, id string, only receiptFilter, limit int, since age,
) (receipts []api.Receipt, more bool, err error) {
	return pages(ctx, a, workspacePath(id)+"/messages", only.query(), limit,
		func(p page) []api.Receipt { return p.Messages },
		func(r api.Receipt) bool { return since.holds(r.AcceptedAt, time.Now()) })
}

// receiptColumns are those of messages: what became of each, and who sent it.
var receiptColumns = []column{
	{head: "MESSAGE"},
	{head: "SEQ", rank: 4},
	{head: "STATE"},
	{head: "FROM", least: 10},
	{head: "ACCEPTED", rank: 3},
	{head: "TRIES", rank: 2},
	{head: "REASON", prose: true, least: 24},
}

// receiptsTable prints a line for each message.
func receiptsTable(w *printer, receipts []api.Receipt) {
	if len(receipts) == 0 {
		fmt.Fprintln(w, "no messages")
		return
	}
	var rows [][]string
	for _, r := range receipts {
		rows = append(rows, []string{
			r.MessageID, strconv.FormatInt(r.Seq, 10), string(r.State), senderOf(r), w.at(r.AcceptedAt),
			strconv.Itoa(triesOf(r)), w.words(r.Reason),
		})
	}
	w.table(receiptColumns, rows)
}

// triesOf is how many attempts a message has had. A platform of an older release does not say.
func triesOf(r api.Receipt) int { return max(r.Tries, len(r.Attempts)) }

// tryName is what one of the attempts in a receipt is called: by its number, if the receipt has them all.
func tryName(r api.Receipt, i int) string {
	switch {
	case triesOf(r) == len(r.Attempts):
		return fmt.Sprintf("try %d", i+1)
	case i == len(r.Attempts)-1:
		return fmt.Sprintf("try %d", triesOf(r))
	}
	return "a try"
}

// formerEnd is how a message ended before it was redriven.
func formerEnd(f *api.Former) string {
	tries := "1 try"
	if f.Tries != 1 {
		tries = fmt.Sprintf("%d tries", f.Tries)
	}
	return fmt.Sprintf("%s after %s: %s", f.State, tries, f.Reason)
}

// redrivenWords say that a message was put back.
func redrivenWords(f *api.Former) string {
	if f.Redrives == 1 {
		return "by an operator"
	}
	return fmt.Sprintf("by an operator; %d times in all", f.Redrives)
}

// tryLine is what became of a try.
func tryLine(t api.Attempt) string {
	line := fmt.Sprintf("by %s: %s", t.Via, cmp.Or(t.Text, string(t.Outcome)))
	if t.Error != "" {
		line += " (" + tryError(t) + ")"
	}
	return line
}

// tryError is the error of a try: the platform's words, in which others' are quoted. Of a task that failed it is the
// agent's own words.
func tryError(t api.Attempt) string {
	if t.Outcome == chat.TaskFailed {
		return visible.Quoted(t.Error)
	}
	return t.Error
}

// senderOf is who sent a message, as workspace.SenderName and workspace.PersonName have it. The root credential sends
// as root, and nobody a probe.
func senderOf(r api.Receipt) string {
	switch {
	case r.SourceID != "":
		return workspace.SenderName(r.SourceID)
	case r.Probe:
		return "probe"
	case r.SentBy == "":
		return workspace.Users
	case people.IDOf(r.SentBy) == "":
		return "root"
	}
	return workspace.PersonName(people.NameOf(r.SentBy))
}

// sentWords are which person sent a message.
func sentWords(r api.Receipt) string {
	kind := "by the person "
	if people.IDOf(r.SentBy) == "" {
		kind = "by the root credential: "
	}
	return kind + r.SentBy + " from " + r.SentFrom
}

// receiptTable prints one message, a line for each of its facts.
func receiptTable(w *printer, r api.Receipt) {
	rows := [][]string{
		{"message", r.MessageID},
		{"state", fmt.Sprintf("%s: %s", r.State, w.words(r.Reason))},
		{"waits", w.words(r.WaitsFor)},
		{"accepted", w.at(r.AcceptedAt)},
		{"expires", w.at(r.ExpiresAt)},
	}
	if r.WaitsFor == "" {
		rows = slices.Delete(rows, 2, 3)
	}
	switch {
	case r.SourceID != "":
		rows = append(rows, []string{"sent", "by the workspace " + r.SourceID})
	case r.SentBy != "":
		rows = append(rows, []string{"sent", sentWords(r)})
	}
	if !r.SettledAt.IsZero() {
		rows = append(rows, []string{"ended", w.at(r.SettledAt)})
	}
	if f := r.Former; f != nil {
		rows = append(rows, []string{"before", w.at(f.SettledAt) + "  " + w.words(formerEnd(f))},
			[]string{"redriven", w.at(f.RedrivenAt) + "  " + redrivenWords(f)})
	}
	for i, t := range r.Attempts {
		rows = append(rows, []string{tryName(r, i), w.at(t.At) + "  " + tryLine(t)})
	}
	if n := len(r.Attempts); triesOf(r) > n {
		listed := fmt.Sprintf("%d of %d are listed: the first that failed, and the newest", n, triesOf(r))
		rows = append(rows, []string{"tries", listed})
	}
	if c := r.Callback; c != nil {
		rows = append(rows, []string{"callback", fmt.Sprintf("%s, %s %s", c.State, count(c.Tries, "call"), c.Error)})
	}
	w.facts(append(rows, answerLines(r)...))
}
