package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) redriveCommand() *cobra.Command {
	t := targets{shows: true, concerns: hasLost}
	cmd := &cobra.Command{
		Use:               "redrive ID [MESSAGE…]",
		Short:             "Put lost messages back into the mailbox, for new attempts",
		ValidArgsFunction: a.completeMessages,
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			if len(args) > 1 {
				return a.eachMessage("redrive", args[1:], func(message string) error {
					return a.redriveOne(ctx, args[0], message, t.dryRun)
				})
			}
			return a.each(ctx, "redrive", t, args, func(id string) error { return a.redriveAll(ctx, id, t.dryRun) })
		},
	}
	t.flags(a, cmd)
	cmd.Flags().Lookup("dry-run").Usage = "only show which messages it would put back"
	return cmd
}

// hasLost reports whether a workspace may have messages to put back.
func hasLost(ws api.Workspace) bool { return ws.Totals.Dead+ws.Totals.Expired > 0 }

// eachMessage does something to each message. One that fails keeps none of the others from it.
func (a *app) eachMessage(verb string, messages []string, do func(message string) error) error {
	if len(messages) == 1 {
		return do(messages[0])
	}
	a.lines = true
	var first error
	failed := 0
	for i, m := range messages {
		if err := do(m); err != nil {
			if ended, ok := errors.AsType[*interruption](err); ok {
				return cut(verb, i-failed, failed, len(messages), m, ended)
			}
			first = cmp.Or(first, err)
			failed++
			a.failed(m, err)
		}
	}
	if failed == 0 {
		return nil
	}
	return &outcome{exitCode(first), fmt.Sprintf("%s failed for %d of %d", verb, failed, len(messages))}
}

func (a *app) redriveOne(ctx context.Context, id, message string, dryRun bool) error {
	return a.changeMessage(ctx, messagePath(id, message)+"/redrive", map[string]bool{"dry_run": dryRun})
}

// redriveAll puts back all that a workspace lost, page by page. A message that is lost again meanwhile is left.
func (a *app) redriveAll(ctx context.Context, id string, dryRun bool) error {
	all := api.Redriven{DryRun: dryRun, Messages: []api.Receipt{}}
	seen := map[string]bool{}
	for {
		var page api.Redriven
		body := map[string]bool{"dry_run": dryRun}
		if err := a.call(ctx, "POST", workspacePath(id)+"/redrive", body, &page); err != nil {
			if len(all.Messages) == 0 {
				return err
			}
			return errors.Join(partly(err, len(all.Messages), "put back", all.Left), a.showRedriven(all))
		}
		known := len(seen)
		all.Left = page.Left
		for _, m := range page.Messages {
			if !seen[m.MessageID] {
				all.Messages = append(all.Messages, m)
			}
			seen[m.MessageID] = true
		}
		if dryRun || page.Left == 0 || len(seen) < known+len(page.Messages) {
			if err := a.showRedriven(all); err != nil || len(all.Messages) > 0 {
				return err
			}
			a.whyNoneBack(ctx, id)
			return nil
		}
	}
}

// halfway is the error of a call that failed after others of the same command were done. The platform says of that call
// alone what it changed.
type halfway struct {
	done string
	error
}

// Error implements error.
func (h *halfway) Error() string { return h.done + h.error.Error() }

// Unwrap is the error of the call.
func (h *halfway) Unwrap() error { return h.error }

// partly is the error of a call that failed after n messages were done, of which left were to follow.
func partly(err error, n int, did string, left int) error {
	if n == 0 {
		return err
	}
	if ended, ok := errors.AsType[*interruption](err); ok {
		return &interruption{fmt.Sprintf(": %s %s, and %d left", count(n, "message"), did, left), ended.next, ended.maybe}
	}
	return &halfway{fmt.Sprintf("%s %s, and %d left, as the call for these failed: ", count(n, "message"), did, left), err}
}

// whyNoneBack says why a redrive found nothing to put back, where receipts show a message that is dead or has expired.
// The redrive itself is done: if they can't be read, it says nothing.
func (a *app) whyNoneBack(ctx context.Context, id string) {
	if a.output != "table" {
		return
	}
	for _, state := range []string{"dead", "expired"} {
		var page api.Receipts
		q := url.Values{"state": {state}, "limit": {"1"}}
		if err := a.call(ctx, "GET", workspacePath(id)+"/messages?"+q.Encode(), nil, &page); err != nil {
			return
		}
		for _, r := range page.Messages {
			a.printf("no message is told to be lost. Not put back is what ended by its sender's doing, what was dismissed, "+
				"and what expired more than a day ago, such as %s (%s): rollcall receipts %s --state %[2]s says why. "+
				"rollcall redrive %[3]s %[1]s puts that one back all the same\n", r.MessageID, r.State, id)
			return
		}
	}
}

// showRedriven prints what was put back, or would be.
func (a *app) showRedriven(out api.Redriven) error {
	return a.show(out, func(w *printer) {
		did, shown, many := "put back", "", len(out.Messages)
		if out.DryRun {
			did = "would be put back"
			if out.Left > 0 {
				shown = fmt.Sprintf("; the oldest %d are:", len(out.Messages))
			}
			many += out.Left
		}
		fmt.Fprintf(w, "%d %s%s\n", many, did, shown)
		if len(out.Messages) > 0 {
			receiptsTable(w, out.Messages)
		}
	})
}

// changeMessage posts to one message and prints its receipt afterwards.
func (a *app) changeMessage(ctx context.Context, path string, body any) error {
	var r api.Receipt
	if err := a.call(ctx, "POST", path, body, &r); err != nil {
		return err
	}
	return a.show(r, func(w *printer) { receiptsTable(w, []api.Receipt{r}) })
}
