// Command rollcall is the operator's program: it shows what the platform knows of
// its workspaces, and mends what can be mended.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// Exit codes, for scripts.
const (
	exitRefused     = 1 // the platform said no
	exitUsage       = 2
	exitUnreachable = 3 // no platform is known, or it doesn't answer
	exitNotSo       = 4 // it was done, and the outcome is not the good one: not online, not delivered
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	a := &app{out: out}
	root := a.command()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil || ctx.Err() != nil { // Ctrl-C ends what follows or watches, as it should
		return 0
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		fmt.Fprintf(errs, "rollcall: %s (%s, HTTP %d)\n", refused.Problem.Error, refused.Code, refused.status)
		if refused.Hint != "" {
			fmt.Fprintf(errs, "  next: %s\n", refused.Hint)
		}
		return exitRefused
	}
	if bad, ok := errors.AsType[*outcome](err); ok {
		if bad.message != "" {
			fmt.Fprintf(errs, "rollcall: %s\n", bad.message)
		}
		return bad.code
	}
	fmt.Fprintf(errs, "rollcall: %v\n", err)
	return exitUsage
}

// refusal is a typed error of the platform.
type refusal struct {
	httpapi.Problem
	status int
}

// Error implements error.
func (r *refusal) Error() string { return r.Problem.Error }

// outcome ends the program with a code of its own.
type outcome struct {
	code    int
	message string
}

// Error implements error.
func (o *outcome) Error() string { return o.message }

// app is what the commands share.
type app struct {
	out                io.Writer
	url, token, output string
	local              client.Local
}

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "rollcall",
		Short: "See and mend the workspaces that a Rollcall platform keeps track of",
		Long: `rollcall answers, for each agent workspace: will a message sent to it now reach
its agent, and if not, why, and what mends it?

Where the platform is and the operator credential are taken from --url and
--token, else from ROLLCALL_URL and ROLLCALL_TOKEN, else from
.rollcall/local.json of this folder or one above it, which make run writes.

Exit codes: 0 done; 1 the platform refused; 2 wrong usage; 3 no platform is
known, or it doesn't answer; 4 done, but with a bad outcome (status --check: not
online; send and probe: not delivered).`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.output != "table" && a.output != "json" {
				return fmt.Errorf("--output must be table or json, not %q", a.output)
			}
			var err error
			a.local, err = locate(a.url, a.token)
			return err
		},
	}
	root.PersistentFlags().StringVar(&a.url, "url", "", "the platform's address")
	root.PersistentFlags().StringVar(&a.token, "token", "", "the operator credential (better: ROLLCALL_TOKEN, which no process list shows)")
	root.PersistentFlags().StringVarP(&a.output, "output", "o", "table", "table or json")
	root.AddGroup(&cobra.Group{ID: "see", Title: "See:"}, &cobra.Group{ID: "mend", Title: "Mend:"}, &cobra.Group{ID: "manage", Title: "Manage:"}, &cobra.Group{ID: "chat", Title: "Chat:"})
	root.AddCommand(a.see()...)
	root.AddCommand(a.mend()...)
	root.AddCommand(a.manage()...)
	root.AddCommand(a.chat()...)
	return root
}

// locate finds the platform: flags, environment, then the nearest
// .rollcall/local.json.
func locate(url, token string) (client.Local, error) {
	pick := func(flag, env string) string {
		if flag != "" {
			return flag
		}
		return os.Getenv(env)
	}
	l := client.Local{URL: pick(url, "ROLLCALL_URL"), OperatorToken: pick(token, "ROLLCALL_TOKEN")}
	if l.URL != "" {
		return l, nil // another platform's credential is not sent to this one
	}
	dir, err := os.Getwd()
	if err != nil {
		return l, err
	}
	for {
		raw, err := os.ReadFile(filepath.Join(dir, ".rollcall", "local.json"))
		if err == nil {
			var found client.Local
			if err := json.Unmarshal(raw, &found); err != nil {
				return l, fmt.Errorf("%s: %w", filepath.Join(dir, ".rollcall", "local.json"), err)
			}
			if l.OperatorToken == "" {
				l.OperatorToken = found.OperatorToken
			}
			l.URL = found.URL
			return l, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return l, err
		}
		up := filepath.Dir(dir)
		if up == dir {
			return l, &outcome{exitUnreachable, "no platform is known: give --url and --token, set ROLLCALL_URL and ROLLCALL_TOKEN, or start one with make run"}
		}
		dir = up
	}
}

// call makes a call and decodes its answer into v (nil: it is dropped).
func (a *app) call(ctx context.Context, method, path string, body, v any) error {
	r, err := a.local.Do(ctx, method, path, a.local.OperatorToken, body)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return &outcome{exitUnreachable, fmt.Sprintf("%s doesn't answer: %v", a.local.URL, err)}
	}
	if r.Status >= 300 {
		refused := &refusal{status: r.Status}
		if json.Unmarshal(r.Raw, &refused.Problem) != nil || refused.Problem.Error == "" {
			refused.Problem.Error = fmt.Sprintf("the platform answered %.200s", r.Raw)
		}
		return refused
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(r.Raw, v); err != nil {
		return fmt.Errorf("%s %s: not an answer of Rollcall: %w", method, path, err)
	}
	return nil
}

// show prints v as JSON, or lets table print it for a person.
func (a *app) show(v any, table func(w io.Writer)) error {
	if a.output == "json" {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	table(a.out)
	return nil
}
