package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) cancelCommand() *cobra.Command {
	var from string
	t := targets{shows: true, concerns: hasOpen}
	cmd := &cobra.Command{
		Use:               "cancel ID [MESSAGE…]",
		Short:             "End messages that wait: some, or all from one sender",
		ValidArgsFunction: a.completeMessages,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.cancel(cmd.Context(), t, args, cancelRequest{From: from, DryRun: t.dryRun})
		},
	}
	t.flags(a, cmd)
	cmd.Flags().Lookup("all").Usage = "all messages of the workspace; without an ID, in all workspaces"
	cmd.Flags().Lookup("dry-run").Usage = "only show which messages it would end"
	a.fromVar(cmd, &from)
	return cmd
}

// fromVar defines --from.
func (a *app) fromVar(cmd *cobra.Command, to *string) {
	cmd.Flags().StringVar(to, "from", "", "only messages from this workspace, or from all users: users")
	completeFlag(cmd, "from", a.completeSenders)
}

// cancelRequest is whose mail is to end.
type cancelRequest struct {
	From   string `json:"from,omitempty"`
	All    bool   `json:"all,omitempty"`
	DryRun bool   `json:"dry_run,omitempty"`
}

// hasOpen reports whether a workspace has messages to end.
func hasOpen(ws api.Workspace) bool { return ws.Inbox.Queued+ws.Inbox.InFlight > 0 }

// cancel ends messages: those that args name after the workspace, or those that asked and t pick.
func (a *app) cancel(ctx context.Context, t targets, args []string, asked cancelRequest) error {
	switch {
	case len(args) > 1 && (t.all || t.given() || t.dryRun || asked.From != ""):
		return errors.New("give the ids of messages, or flags that pick them, not both")
	case len(args) > 1:
		return a.eachMessage("cancel", args[1:], func(message string) error {
			return a.changeMessage(ctx, messagePath(args[0], message)+"/cancel", nil)
		})
	case len(args) == 1 && asked.From == "" && !t.all:
		return errors.New("say which messages: by their ids, --from or --all")
	case len(args) == 0 && asked.From == "":
		return errors.New("give an ID, or --from")
	case len(args) == 1:
		asked.All = asked.From == "" && t.all
		t.all = false
		return a.each(ctx, "cancel", t, args, func(id string) error { return a.cancelMail(ctx, id, asked, !t.yes) })
	}
	return a.each(ctx, "cancel", t, args, func(id string) error { return a.cancelMail(ctx, id, asked, false) })
}

// cancelMail ends mail of one workspace, page by page. With ask it says before how much, and asks a person.
func (a *app) cancelMail(ctx context.Context, id string, asked cancelRequest, ask bool) error {
	if err := a.askable("cancel", asked.DryRun || !ask); err != nil {
		return err
	}
	all := asked
	if all.DryRun = asked.DryRun || ask; all.DryRun {
		found, err := a.cancelPage(ctx, id, all)
		if err != nil || asked.DryRun || len(found.Messages) == 0 {
			return a.showCancelled(found, err)
		}
		question := "cancel " + count(len(found.Messages)+found.Left, "message") + " of " + id
		if asked.From != "" {
			question += " from " + asked.From
		}
		if err := a.agreedTo(question); err != nil {
			return err
		}
	}
	done := api.CancelledMail{Messages: []api.Receipt{}}
	for {
		page, err := a.cancelPage(ctx, id, asked)
		if err != nil {
			return a.showCancelled(done, partly(err, len(done.Messages), "cancelled", done.Left))
		}
		done.Messages, done.Left = append(done.Messages, page.Messages...), page.Left
		if page.Left == 0 || len(page.Messages) == 0 {
			return a.showCancelled(done, nil)
		}
	}
}

// cancelPage makes one call, which ends a page of the mail.
func (a *app) cancelPage(ctx context.Context, id string, asked cancelRequest) (out api.CancelledMail, err error) {
	err = a.call(ctx, "POST", workspacePath(id)+"/cancel", asked, &out)
	return out, err
}

// mostRows are how many messages are shown of many that an act was about.
const mostRows = 50

// showCancelled prints what was ended, also if err ended it halfway.
func (a *app) showCancelled(out api.CancelledMail, err error) error {
	if err != nil && len(out.Messages) == 0 {
		return err
	}
	shown := a.show(out, func(w *printer) {
		did := "cancelled"
		if out.DryRun {
			did = "would be cancelled"
		}
		all := len(out.Messages)
		if out.DryRun {
			all += out.Left
		}
		fmt.Fprintf(w, "%s %s\n", count(all, "message"), did)
		rows := out.Messages[:min(len(out.Messages), mostRows)]
		if len(rows) > 0 {
			receiptsTable(w, rows)
		}
		if more := all - len(rows); more > 0 {
			fmt.Fprintf(w, "and %d more\n", more)
		}
	})
	return errors.Join(err, shown)
}
