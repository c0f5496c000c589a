package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) enrolCommand() *cobra.Command {
	var uses int
	var lifetime time.Duration
	cmd := &cobra.Command{
		Use:   "enrol [ID]",
		Short: "Make a token that gives new agents their first credential",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := map[string]any{"uses": uses, "expires_in_seconds": int(lifetime.Seconds())}
			if len(args) > 0 {
				body["workspace_id"] = args[0]
			}
			return a.enrol(cmd.Context(), body)
		},
	}
	uses = 1
	cmd.Flags().Var(bounded{&uses, 1, 10_000}, "uses", "how many agents may use it")
	lifetime = 24 * time.Hour
	positiveVar(cmd, &lifetime, "for", "how long it is good, such as 2h or 7d")
	return cmd
}

func (a *app) enrol(ctx context.Context, body map[string]any) error {
	var out struct {
		ID      string    `json:"enrolment_id"`
		Token   string    `json:"enrolment_token"`
		Uses    int       `json:"uses"`
		Expires time.Time `json:"expires_at"`
		Next    string    `json:"next"`
	}
	if err := a.call(ctx, "POST", "/enrolments", body, &out); err != nil {
		return err
	}
	return a.show(out, func(w *printer) {
		fmt.Fprintf(w, "%s\ngood for %s until %s; rollcall withdraw %s ends it\nnext: %s\n",
			out.Token, count(out.Uses, "use"), w.at(out.Expires), out.ID, out.Next)
	})
}

func (a *app) withdrawCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "withdraw ENROLMENT",
		Short: "End an enrolment token",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.call(cmd.Context(), "DELETE", "/enrolments/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			out := map[string]string{"enrolment_id": args[0], "status": "withdrawn"}
			return a.show(out, func(w *printer) { fmt.Fprintln(w, "withdrawn") })
		},
	}
}
