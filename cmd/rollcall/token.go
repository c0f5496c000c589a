package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/visible"
)

func (a *app) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Make, list and revoke people's credentials"}
	cmd.AddCommand(a.tokenCreateCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
	return cmd
}

func (a *app) tokenCreateCommand() *cobra.Command {
	var name, scope, team, expires string
	cmd := &cobra.Command{
		Use:   "create --name NAME --scope view|operate|admin",
		Short: "Make a person's credential; it is shown once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			lasts, err := parseLifetime(expires)
			if err != nil {
				return fmt.Errorf("--expires: %w", err)
			}
			body := map[string]any{"name": name, "scope": scope, "team": team, "expires_in_seconds": int64(lasts.Seconds())}
			return a.createToken(cmd.Context(), body)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&name, "name", "", "whose it is; the audit trail shows this name")
	flags.StringVar(&scope, "scope", "", "what it may do: view, operate or admin")
	flags.StringVar(&team, "team", "", "the only team that it is good for (without it: all)")
	flags.StringVar(&expires, "expires", "90d", "how long it lasts, such as 12h or 30d")
	for _, needed := range []string{"name", "scope"} {
		if err := cmd.MarkFlagRequired(needed); err != nil {
			panic(err) // the flag is defined above
		}
	}
	return cmd
}

func (a *app) createToken(ctx context.Context, body map[string]any) error {
	var out api.CreatedToken
	if err := a.call(ctx, "POST", "/tokens", body, &out); err != nil {
		return err
	}
	return a.show(out, func(w *printer) {
		fmt.Fprintf(w, "%s\nfor %s, scope %s, until %s; rollcall token revoke %s ends it\nnext: %s\n",
			out.Credential, visible.Quoted(out.Name), out.Scope, w.at(out.ExpiresAt), out.TokenID, out.Next)
	})
}

func (a *app) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List people's credentials, and when each was used last", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var out api.Tokens
			if err := a.call(cmd.Context(), "GET", "/tokens", nil, &out); err != nil {
				return err
			}
			return a.show(out.Tokens, func(w *printer) { tokenTable(w, out.Tokens) })
		},
	}
}

// tokenColumns are those of people's credentials.
var tokenColumns = []column{
	{head: "ID"},
	{head: "NAME", least: 10},
	{head: "SCOPE"},
	{head: "TEAM", rank: 3, least: 8},
	{head: "EXPIRES", rank: 2},
	{head: "LAST USED", rank: 1},
	{head: "FROM", rank: 4},
	{head: "MADE BY", rank: 5, least: 8},
}

func tokenTable(w *printer, tokens []api.Token) {
	if len(tokens) == 0 {
		fmt.Fprintln(w, "there is only the root credential yet: rollcall token create --name ana --scope operate")
		return
	}
	var rows [][]string
	for _, t := range tokens {
		expires, used := w.at(t.ExpiresAt), "never"
		if t.Expired {
			expires = "expired"
		}
		if !t.UsedAt.IsZero() {
			used = w.at(t.UsedAt)
		}
		rows = append(rows, []string{
			t.TokenID, t.Name, t.Scope, orDash(t.Team), expires, used, orDash(t.UsedFrom), t.CreatedBy,
		})
	}
	w.table(tokenColumns, rows)
}

// revokeCalls is how often the command makes the call that ends all that a credential made: each ends many of them.
const revokeCalls = 10

func (a *app) tokenRevokeCommand() *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use: "revoke TOKEN", Short: "End a person's credential, by its id", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			out, err := a.revokeToken(cmd.Context(), args[0], all)
			if err != nil && out.TokenID == "" {
				return err
			}
			shown := a.show(out, func(w *printer) { revoked(w, out) })
			if err != nil { // of the last of several calls
				return errors.Join(&halfway{"not all has ended: ", err}, shown)
			}
			if shown == nil && len(out.NotEnded) > 0 {
				return &outcome{exitUnhealthy, "not all has ended: repeat rollcall token revoke " + out.TokenID + allItMade(all)}
			}
			return shown
		},
	}
	cmd.Flags().BoolVar(&all, "all-it-made", false, "end also the credentials that were made with it, and so on")
	return cmd
}

// allItMade is the option of the command.
func allItMade(all bool) string {
	if all {
		return " --all-it-made"
	}
	return ""
}

// revokeToken revokes a credential. With all that it made, the call is repeated as long as something is left.
func (a *app) revokeToken(ctx context.Context, id string, all bool) (out api.RevokedToken, err error) {
	path := "/tokens/" + url.PathEscape(id)
	if !all {
		return out, a.call(ctx, "DELETE", path, nil, &out)
	}
	for range revokeCalls {
		var now api.RevokedToken
		if err := a.call(ctx, "DELETE", path+"?all_it_made=true", nil, &now); err != nil {
			return out, err
		}
		now.AlsoRevoked = append(out.AlsoRevoked, now.AlsoRevoked...)
		if out = now; len(out.NotEnded) == 0 {
			break
		}
	}
	return out, nil
}

// revoked shows what a revocation ended, and what is good still. People chose their names themselves.
func revoked(w *printer, out api.RevokedToken) {
	if out.Name == "" {
		fmt.Fprintf(w, "the credential %s ended before\n", out.TokenID)
	} else {
		w.lines(fmt.Sprintf("the credential %s of %s is revoked, everywhere within seconds", out.TokenID,
			visible.Quoted(out.Name)))
	}
	for _, t := range out.AlsoRevoked {
		w.lines(fmt.Sprintf("revoked with it: the credential %s of %s (%s)", t.TokenID, visible.Quoted(t.Name), t.Scope))
	}
	if len(out.Webhooks) > 0 {
		fmt.Fprintf(w, "disabled: webhook %s\n", strings.Join(out.Webhooks, ", "))
	}
	for _, g := range out.StillGood {
		w.lines("still good: " + stillGood(g) + "\n  " + g.Command)
	}
	for _, n := range out.NotEnded {
		fmt.Fprintf(w, "not ended yet: %s\n", strings.TrimSpace(strings.ReplaceAll(n.Kind, "_", " ")+" "+n.ID))
	}
	w.lines("next: " + w.words(out.Next))
}

// stillGood says what a revoked person made or knows.
func stillGood(g api.StillGood) string {
	switch g.Kind {
	case "token":
		return fmt.Sprintf("the credential %s of %s (%s), which was made with it", g.ID, visible.Quoted(g.Name), g.Scope)
	case "webhook":
		return "the webhook " + g.ID + ", which was made with it, and which somebody else has enabled since"
	}
	return "the secret of webhook " + g.ID + ", which its person was shown"
}
