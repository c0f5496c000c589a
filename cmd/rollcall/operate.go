package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/workspace"
)

// one is a command on a workspace.
func one(group, use, short string, do func(ctx context.Context, path string, args []string) error) *cobra.Command {
	args := 1
	for _, r := range use {
		if r == ' ' {
			args++
		}
	}
	return &cobra.Command{Use: use, Short: short, GroupID: group, Args: cobra.ExactArgs(args - 1), RunE: func(cmd *cobra.Command, args []string) error {
		return do(cmd.Context(), "/workspaces/"+url.PathEscape(args[0]), args)
	}}
}

func (a *app) mend() []*cobra.Command {
	var wait time.Duration
	var from string
	repair := one("mend", "repair ID", "Mend a lost credential: revoke what there is, and let the agent fetch a new one", func(ctx context.Context, path string, args []string) error {
		var before httpapi.Workspace
		if wait > 0 {
			if err := a.call(ctx, "GET", path, nil, &before); err != nil {
				return err
			}
		}
		var body any
		if from != "" {
			body = map[string]string{"from": from}
		}
		var out struct {
			Revoked        int       `json:"revoked"`
			BootstrapUntil time.Time `json:"bootstrap_until"`
			From           string    `json:"from,omitempty"`
			Next           string    `json:"next"`
		}
		if err := a.call(ctx, "POST", path+"/repair", body, &out); err != nil {
			return err
		}
		if err := a.show(out, func(w io.Writer) {
			fmt.Fprintf(w, "%s revoked; bootstrap is open until %s", count(out.Revoked, "credential"), at(out.BootstrapUntil))
			if out.From != "" {
				fmt.Fprintf(w, ", to an agent at %s only", out.From)
			}
			fmt.Fprintf(w, "\nnext: %s\n", out.Next)
		}); err != nil || wait == 0 {
			return err
		}
		return a.awaitRegister(ctx, args[0], before.RegisteredAt, wait)
	})
	repair.Long = `Revokes every credential of the workspace and opens a time-limited window in
which its agent, and only this workspace's, is given a new one when it registers.
The window closes at the first use of what it issued, so a lost reply locks nobody
out. Restart the agent afterwards; --wait stays until it is there again.`
	repair.Flags().DurationVar(&wait, "wait", 0, "wait so long for the agent to register again")
	repair.Flags().StringVar(&from, "from", "", "only an agent that calls from this network address is given the new credential")

	rotate := one("mend", "rotate ID", "Issue a second credential; the one in use stays valid until the new one is used", func(ctx context.Context, path string, _ []string) error {
		var out struct {
			AuthToken string `json:"auth_token"`
			Next      string `json:"next"`
		}
		if err := a.call(ctx, "POST", path+"/rotate", nil, &out); err != nil {
			return err
		}
		return a.show(out, func(w io.Writer) { fmt.Fprintf(w, "%s\nnext: %s\n", out.AuthToken, out.Next) })
	})

	var dry bool
	redrive := &cobra.Command{Use: "redrive ID [MESSAGE]", Short: "Put a dead message back, or all of a workspace, with id and place kept", GroupID: "mend", Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := "/workspaces/" + url.PathEscape(args[0])
			if len(args) == 2 {
				var r httpapi.Receipt
				if err := a.call(cmd.Context(), "POST", path+"/messages/"+url.PathEscape(args[1])+"/redrive", map[string]bool{"dry_run": dry}, &r); err != nil {
					return err
				}
				return a.show(r, func(w io.Writer) { receiptsTable(w, []httpapi.Receipt{r}) })
			}
			var out struct {
				DryRun   bool              `json:"dry_run"`
				Messages []httpapi.Receipt `json:"messages"`
			}
			if err := a.call(cmd.Context(), "POST", path+"/redrive", map[string]bool{"dry_run": dry}, &out); err != nil {
				return err
			}
			return a.show(out, func(w io.Writer) {
				did := "put back"
				if dry {
					did = "would be put back"
				}
				fmt.Fprintf(w, "%d %s\n", len(out.Messages), did)
				if len(out.Messages) > 0 {
					receiptsTable(w, out.Messages)
				}
			})
		}}
	redrive.Flags().BoolVar(&dry, "dry-run", false, "only say which")

	cancel := one("mend", "cancel ID MESSAGE", "End a message that waits", func(ctx context.Context, path string, args []string) error {
		var r httpapi.Receipt
		if err := a.call(ctx, "POST", path+"/messages/"+url.PathEscape(args[1])+"/cancel", nil, &r); err != nil {
			return err
		}
		return a.show(r, func(w io.Writer) { receiptsTable(w, []httpapi.Receipt{r}) })
	})

	var patience time.Duration
	probe := one("mend", "probe ID", "Send a message that says nothing, and tell whether it arrived", func(ctx context.Context, path string, args []string) error {
		var out accepted
		if err := a.call(ctx, "POST", path+"/probe", nil, &out); err != nil {
			return err
		}
		a.warn(out)
		return a.follow(ctx, args[0], out, patience)
	})
	probe.Flags().DurationVar(&patience, "timeout", 3*time.Minute, "how long to follow it")

	sweep := &cobra.Command{Use: "sweep", Short: "Sweep now, and not at the next minute", GroupID: "mend", Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error {
		var out sweep.Result
		if err := a.call(cmd.Context(), "POST", "/sweep", nil, &out); err != nil {
			return err
		}
		return a.show(out, func(w io.Writer) {
			fmt.Fprintf(w, "%d seen, %d drains rung, %d changes noticed, %d messages ended, %d probed\n", out.Seen, out.Rung, out.Announced, out.Expired, out.Probed)
			for _, id := range out.Broken {
				fmt.Fprintln(w, "counters mended:", id)
			}
			for _, e := range out.Errors {
				fmt.Fprintln(w, "error:", e)
			}
		})
	}}
	return []*cobra.Command{repair, rotate, redrive, cancel, probe, sweep}
}

// awaitRegister waits until the agent has registered after the time it had before:
// both are the platform's, whose clock may not be ours.
func (a *app) awaitRegister(ctx context.Context, id string, before time.Time, patience time.Duration) error {
	done, err := a.until(ctx, patience, time.Second, func(ctx context.Context) (bool, error) {
		var v httpapi.Workspace
		if err := a.call(ctx, "GET", "/workspaces/"+url.PathEscape(id), nil, &v); err != nil {
			return false, err
		}
		if !v.RegisteredAt.After(before) || v.Reason == workspace.ReasonCredentialsRejected {
			return false, nil
		}
		if a.output == "table" {
			fmt.Fprintf(a.out, "the agent registered at %s: %s (%s)\n", at(v.RegisteredAt), v.Status, v.Reason)
		}
		return true, nil
	})
	on := "see whether it has: rollcall status " + id
	switch {
	case errors.Is(err, context.Canceled):
		return &outcome{exitInterrupted, "interrupted, and the agent may still register; " + on}
	case err != nil || done:
		return err
	}
	return &outcome{exitNotSo, fmt.Sprintf("the agent was not seen to register within %s: restart it, then %s", patience, on)}
}

// count is a number of things as people write it.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

type created struct {
	httpapi.Workspace
	Adopted   bool   `json:"adopted,omitempty"`
	AuthToken string `json:"auth_token,omitempty"`
}

func (a *app) manage() []*cobra.Command {
	var body struct {
		ID       string `json:"id,omitempty"`
		Name     string `json:"name,omitempty"`
		Runtime  string `json:"runtime,omitempty"`
		Role     string `json:"role,omitempty"`
		Tier     int    `json:"tier,omitempty"`
		Mode     string `json:"delivery_mode,omitempty"`
		MaxTasks int    `json:"max_concurrent_tasks,omitempty"`
		Adopt    bool   `json:"adopt,omitempty"`
		Reset    bool   `json:"reset_credentials,omitempty"`
	}
	submit := func(cmd *cobra.Command) error {
		var out created
		if err := a.call(cmd.Context(), "POST", "/workspaces", body, &out); err != nil {
			return err
		}
		return a.show(out, func(w io.Writer) {
			did := "created"
			if out.Adopted {
				did = "adopted"
			}
			fmt.Fprintf(w, "%s %s: %s (%s)\n", did, out.ID, out.Status, out.Reason)
			if out.AuthToken != "" {
				fmt.Fprintf(w, "its credential, shown this once: %s\n", out.AuthToken)
			}
		})
	}
	create := &cobra.Command{Use: "create [ID]", Short: "Enrol a workspace; its credential is shown once", GroupID: "manage", Args: cobra.MaximumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			body.ID = args[0]
		}
		return submit(cmd)
	}}
	adopt := &cobra.Command{Use: "adopt ID", Short: "Take over an existing workspace: mode, metrics, runtime and tier are reset, its mail is kept", GroupID: "manage", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		body.ID, body.Adopt = args[0], true
		return submit(cmd)
	}}
	adopt.Flags().BoolVar(&body.Reset, "reset-credentials", false, "revoke its credentials and issue a new one")
	for _, c := range []*cobra.Command{create, adopt} {
		f := c.Flags()
		f.StringVar(&body.Name, "name", "", "what people call it")
		f.StringVar(&body.Runtime, "runtime", "", "what it runs; external can't be pushed to")
		f.StringVar(&body.Role, "role", "", "what it does, for its peers")
		f.IntVar(&body.Tier, "tier", 0, "its tier, a number of your own")
		f.StringVar(&body.Mode, "mode", "", "push or poll; the agent's own register says better")
		f.IntVar(&body.MaxTasks, "max-tasks", 0, "how many tasks it takes at a time")
	}

	var yes bool
	remove := one("manage", "remove ID", "Remove a workspace: its credentials are revoked and its waiting mail is cancelled", func(ctx context.Context, path string, args []string) error {
		if !yes {
			return &outcome{exitUsage, fmt.Sprintf("this can't be taken back; if you mean it: rollcall remove %s --yes", args[0])}
		}
		var v httpapi.Workspace
		if err := a.call(ctx, "DELETE", path, nil, &v); err != nil {
			return err
		}
		return a.show(v, func(w io.Writer) { fmt.Fprintf(w, "%s is %s\n", v.ID, v.Status) })
	})
	remove.Flags().BoolVar(&yes, "yes", false, "really")

	hold := func(verb, short string) *cobra.Command {
		return one("manage", verb+" ID", short, func(ctx context.Context, path string, _ []string) error {
			var v httpapi.Workspace
			if err := a.call(ctx, "POST", path+"/"+verb, nil, &v); err != nil {
				return err
			}
			return a.show(v, func(w io.Writer) { fmt.Fprintf(w, "%s is %s (%s)\n", v.ID, v.Status, v.Reason) })
		})
	}
	revoke := one("manage", "revoke ID", "End every credential of a workspace at once (a stolen one); repair lets its agent in again", func(ctx context.Context, path string, _ []string) error {
		var out struct {
			Revoked int    `json:"revoked"`
			Next    string `json:"next"`
		}
		if err := a.call(ctx, "POST", path+"/revoke", nil, &out); err != nil {
			return err
		}
		return a.show(out, func(w io.Writer) {
			fmt.Fprintf(w, "%s revoked\nnext: %s\n", count(out.Revoked, "credential"), out.Next)
		})
	})

	var uses int
	var lasts time.Duration
	enrol := &cobra.Command{Use: "enrol [ID]", Short: "Make an enrolment token, with which agents are given their first credential", GroupID: "manage", Args: cobra.MaximumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		in := map[string]any{"uses": uses, "expires_in_seconds": int(lasts.Seconds())}
		if len(args) > 0 {
			in["workspace_id"] = args[0]
		}
		var out struct {
			ID      string    `json:"enrolment_id"`
			Token   string    `json:"enrolment_token"`
			Uses    int       `json:"uses"`
			Expires time.Time `json:"expires_at"`
			Next    string    `json:"next"`
		}
		if err := a.call(cmd.Context(), "POST", "/enrolments", in, &out); err != nil {
			return err
		}
		return a.show(out, func(w io.Writer) {
			fmt.Fprintf(w, "%s\ngood for %s until %s; rollcall withdraw %s ends it\nnext: %s\n", out.Token, count(out.Uses, "use"), at(out.Expires), out.ID, out.Next)
		})
	}}
	enrol.Flags().IntVar(&uses, "uses", 1, "for how many agents")
	enrol.Flags().DurationVar(&lasts, "for", 24*time.Hour, "how long it is good")
	withdraw := &cobra.Command{Use: "withdraw ENROLMENT", Short: "End an enrolment token", GroupID: "manage", Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
		if err := a.call(cmd.Context(), "DELETE", "/enrolments/"+url.PathEscape(args[0]), nil, nil); err != nil {
			return err
		}
		return a.show(map[string]string{"enrolment_id": args[0], "status": "withdrawn"}, func(w io.Writer) { fmt.Fprintln(w, "withdrawn") })
	}}
	return []*cobra.Command{create, adopt, enrol, withdraw, hold("pause", "Hold a workspace: its mail waits"), hold("resume", "End a hold"), revoke, remove}
}
