// Command rollcall is the operator's program: it shows what the platform knows of
// its workspaces, and mends what can be mended.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// Exit codes, for scripts.
const (
	exitRefused     = 1 // the platform said no
	exitUsage       = 2
	exitUnreachable = 3 // no platform is known, or it doesn't answer, or fails itself
	exitNotSo       = 4 // it was done, and the outcome is not the good one: not online, not delivered
	exitInterrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	a := &app{out: out, errs: errs}
	root := a.command()
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(errs)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	if errors.Is(err, context.Canceled) {
		err = &outcome{exitInterrupted, "interrupted"}
	}
	fmt.Fprintf(errs, "rollcall: %s\n", strings.TrimSpace(err.Error()))
	if refused, ok := errors.AsType[*refusal](err); ok {
		if refused.Hint != "" {
			fmt.Fprintf(errs, "  next: %s\n", refused.Hint)
		}
		if refused.status >= 500 {
			return exitUnreachable
		}
		return exitRefused
	}
	if bad, ok := errors.AsType[*outcome](err); ok {
		return bad.code
	}
	if cmd.HasSubCommands() {
		fmt.Fprintf(errs, "  see: %s --help\n", cmd.CommandPath())
	} else {
		fmt.Fprintf(errs, "  usage: %s\n", cmd.UseLine())
	}
	return exitUsage
}

// refusal is an error that the platform answered.
type refusal struct {
	httpapi.Problem
	status int
}

// refusalOf reads it; what API Gateway answers by itself has but a message.
func refusalOf(r client.Reply) *refusal {
	refused := &refusal{status: r.Status}
	if json.Unmarshal(r.Raw, &refused.Problem) != nil || refused.Problem.Error == "" {
		refused.Problem = httpapi.Problem{Error: "the platform answered " + cmp.Or(r.Text("message"), http.StatusText(r.Status), "nothing to read")}
	}
	return refused
}

// Error implements error.
func (r *refusal) Error() string {
	if r.Code == "" {
		return fmt.Sprintf("%s (HTTP %d)", r.Problem.Error, r.status)
	}
	return fmt.Sprintf("%s (%s, HTTP %d)", r.Problem.Error, r.Code, r.status)
}

// outcome ends the program with a code of its own.
type outcome struct {
	code    int
	message string
}

// Error implements error.
func (o *outcome) Error() string { return o.message }

// passing tells whether a call that failed may do better when it is made again.
func passing(err error) bool {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.status >= 500 || refused.status == http.StatusTooManyRequests
	}
	bad, ok := errors.AsType[*outcome](err)
	return ok && bad.code == exitUnreachable
}

// app is what the commands share.
type app struct {
	out, errs          io.Writer
	url, token, output string
	local              client.Local // its URL is empty until the first call
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

Exit codes:
  0    done
  1    the platform refused
  2    wrong usage
  3    no platform is known, or it doesn't answer, or it fails (HTTP 5xx)
  4    done, but with a bad outcome: not online (status --check), not delivered
       (send, probe), not registered again (repair --wait)
  130  interrupted; watch and events --follow end so with 0`,
		Version:      currentVersion(),
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.output != "table" && a.output != "json" {
				return fmt.Errorf("--output must be table or json, not %q", a.output)
			}
			return nil
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
	root.AddCommand(a.version())
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
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
	l := client.Local{URL: strings.TrimRight(pick(url, "ROLLCALL_URL"), "/"), OperatorToken: pick(token, "ROLLCALL_TOKEN")}
	if l.URL != "" {
		if !strings.HasPrefix(l.URL, "http://") && !strings.HasPrefix(l.URL, "https://") {
			return l, &outcome{exitUsage, fmt.Sprintf("the platform's address must begin with http:// or https://, not %q", l.URL)}
		}
		return l, nil // another platform's credential is not sent to this one
	}
	dir, err := os.Getwd()
	if err != nil {
		return l, &outcome{exitUnreachable, fmt.Sprintf("no platform is known: %v", err)}
	}
	for {
		raw, err := os.ReadFile(filepath.Join(dir, ".rollcall", "local.json"))
		if err == nil {
			var found client.Local
			if err := json.Unmarshal(raw, &found); err != nil || found.URL == "" {
				return l, &outcome{exitUnreachable, fmt.Sprintf("%s doesn't say where the platform is: start it again with make run", filepath.Join(dir, ".rollcall", "local.json"))}
			}
			if l.OperatorToken == "" {
				l.OperatorToken = found.OperatorToken
			}
			l.URL = found.URL
			return l, nil
		}
		if !errors.Is(err, os.ErrNotExist) {
			return l, &outcome{exitUnreachable, fmt.Sprintf("no platform is known: %v", err)}
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
	if a.local.URL == "" { // not before: help and completion need no platform
		var err error
		if a.local, err = locate(a.url, a.token); err != nil {
			return err
		}
	}
	r, err := a.local.Do(ctx, method, path, a.local.OperatorToken, body)
	if err != nil {
		return cmp.Or(ctx.Err(), unanswered(a.local.URL, err))
	}
	if r.Status >= 300 {
		return refusalOf(r)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(r.Raw, v); err != nil {
		return &outcome{exitUnreachable, fmt.Sprintf("%s doesn't answer %s %s as Rollcall does: %v", a.local.URL, method, path, err)}
	}
	return nil
}

// unanswered is the outcome of a call that got no answer.
func unanswered(platform string, err error) error {
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return &outcome{exitUnreachable, platform + " doesn't answer in time"}
	}
	if bare, ok := errors.AsType[*url.Error](err); ok {
		err = bare.Err // the rest repeats the address
	}
	return &outcome{exitUnreachable, fmt.Sprintf("%s doesn't answer: %v", platform, err)}
}

// until reads until it is done or patience is at its end. A platform that fails
// meanwhile is asked again, and that is told once.
func (a *app) until(ctx context.Context, patience, every time.Duration, read func(context.Context) (done bool, err error)) (bool, error) {
	within, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for told := false; ; {
		done, err := read(within)
		switch {
		case done:
			return true, nil
		case within.Err() != nil:
			return false, ctx.Err()
		case err != nil && !passing(err):
			return false, err
		case err != nil && !told:
			a.again(err)
			told = true
		}
		pause(within, every)
	}
}

// again tells of a failure that is not the end of it.
func (a *app) again(err error) { fmt.Fprintf(a.errs, "rollcall: %v; asking again\n", err) }

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
