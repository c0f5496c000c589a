package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) webhookCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "webhook", Short: "Post changes of status to URLs"}
	cmd.AddCommand(
		a.webhookCreateCommand(), a.webhookListCommand(), a.webhookTestCommand(), a.webhookRotateCommand(),
		a.webhookEnableCommand(),
		a.oneWebhookCommand("disable", "Post nothing to a webhook until it is enabled", "POST", "/disable",
			"nothing is posted to the webhook %s until rollcall webhook enable %[1]s\n"),
		a.oneWebhookCommand("delete", "End a webhook", "DELETE", "", "the webhook %s is deleted\n"),
	)
	return cmd
}

func (a *app) webhookCreateCommand() *cobra.Command {
	var statuses string
	cmd := &cobra.Command{
		Use:   "create URL",
		Short: "Post each change of status to a URL",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			wanted := []string{}
			if statuses != "" {
				wanted = strings.Split(statuses, ",")
			}
			return a.secretWebhook(cmd.Context(), "/webhooks", map[string]any{"url": args[0], "statuses": wanted})
		},
	}
	cmd.Flags().StringVar(&statuses, "status", "", "only changes from or to these statuses, joined by commas: "+
		strings.Join(workspace.Status("").Choices(), ", "))
	return cmd
}

func webhookPath(id string) string { return "/webhooks/" + url.PathEscape(id) }

func (a *app) webhookRotateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rotate WEBHOOK", Short: "Make a new secret for a webhook",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.secretWebhook(cmd.Context(), webhookPath(args[0])+"/rotate", nil)
		},
	}
}

// secretWebhook makes a call whose answer shows a secret.
func (a *app) secretWebhook(ctx context.Context, path string, body any) error {
	var out api.CreatedWebhook
	if err := a.call(ctx, "POST", path, body, &out); err != nil {
		return err
	}
	return a.show(out, func(w *printer) {
		fmt.Fprintf(w, "%s\nis the secret of the webhook %s, for %s\nnext: %s\n", out.Secret, out.WebhookID, out.URL,
			w.words(out.Next))
	})
}

func (a *app) webhookListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List webhooks, and how each does", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out api.Webhooks
			if err := a.call(cmd.Context(), "GET", "/webhooks", nil, &out); err != nil {
				return err
			}
			return a.show(out.Webhooks, func(w *printer) { webhookTable(w, out.Webhooks) })
		},
	}
}

// webhookColumns are those of webhooks: how each does, and why.
var webhookColumns = []column{
	{head: "ID"},
	{head: "STATE"},
	{head: "BEHIND", rank: 2},
	{head: "MISSED", rank: 5},
	{head: "LAST TAKEN", rank: 3},
	{head: "NEXT TRY", rank: 4},
	{head: "OF", rank: 6, least: 8},
	{head: "URL", rank: 1, least: 24, end: true},
	{head: "REASON", prose: true, least: 24},
}

// withoutQuery is a URL of a webhook as it is shown: its query may be a secret of its receiver.
func withoutQuery(of string) string {
	if bare, _, has := strings.Cut(of, "?"); has {
		return bare + "?…"
	}
	return of
}

func webhookTable(w *printer, hooks []api.Webhook) {
	if len(hooks) == 0 {
		fmt.Fprintln(w, "there are no webhooks: rollcall webhook create https://hooks.example.com/rollcall")
		return
	}
	var rows [][]string
	for _, h := range hooks {
		of, taken, next := "all", "never", "-"
		if len(h.Statuses) > 0 {
			var names []string
			for _, s := range h.Statuses {
				names = append(names, string(s))
			}
			of = strings.Join(names, ",")
		}
		if !h.TakenAt.IsZero() {
			taken = w.at(h.TakenAt)
		}
		if !h.NextTry.IsZero() && h.State == "failing" {
			next = w.at(h.NextTry)
		}
		rows = append(rows, []string{
			h.WebhookID, h.State, strconv.FormatInt(h.Behind, 10), strconv.FormatInt(h.Missed, 10), taken, next, of,
			withoutQuery(h.URL), orDash(h.Reason),
		})
	}
	w.table(webhookColumns, rows)
}

func (a *app) webhookTestCommand() *cobra.Command {
	return &cobra.Command{
		Use: "test WEBHOOK", Short: "Post a test event to a webhook, and say whether it arrived",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out api.TestedWebhook
			if err := a.call(cmd.Context(), "POST", webhookPath(args[0])+"/test", nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w *printer) {
				fmt.Fprintf(w, "the receiver of %s took it (HTTP %d)\n", out.WebhookID, out.Status)
				if out.Hint != "" {
					w.hanging("", w.words(out.Hint))
				}
				if out.Next != "" {
					fmt.Fprintf(w, "to have changes posted to it now: %s\n", out.Next)
				}
			})
		},
	}
}

func (a *app) webhookEnableCommand() *cobra.Command {
	var fromNow bool
	cmd := &cobra.Command{
		Use: "enable WEBHOOK", Short: "Post to a webhook again, and try it at once", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out api.EnabledWebhook
			body := map[string]any{"from_now": fromNow}
			if err := a.call(cmd.Context(), "POST", webhookPath(args[0])+"/enable", body, &out); err != nil {
				return err
			}
			return a.show(out, func(w *printer) {
				fmt.Fprintf(w, "changes are posted to %s again, at %s\n", out.WebhookID, out.URL)
				if out.Next != "" {
					fmt.Fprintf(w, "next: %s\n", w.words(out.Next))
				}
			})
		},
	}
	cmd.Flags().BoolVar(&fromNow, "from-now", false, "leave out the changes that it missed")
	return cmd
}

// oneWebhookCommand is a command on one webhook.
func (a *app) oneWebhookCommand(verb, short, method, path, says string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " WEBHOOK", Short: short, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var out api.Webhook
			if err := a.call(cmd.Context(), method, webhookPath(args[0])+path, nil, &out); err != nil {
				return err
			}
			return a.show(out, func(w *printer) { fmt.Fprintf(w, says, out.WebhookID) })
		},
	}
}
