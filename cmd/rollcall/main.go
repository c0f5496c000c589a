// Command rollcall is the operator's program. It shows what the platform knows
// of its workspaces, repairs them, manages them and sends them messages.
//
// A command has a file of its own (status.go, send.go), or shares one with the
// commands next to it: history.go has history and audit, credentials.go rotate and
// revoke, enrol.go enrol and withdraw, login.go login, logout and context, create.go create and adopt, hold.go pause
// and resume. The commands share these files:
//
//   - locate.go, contexts.go, call.go, pages.go: where the platform is, one call, a list
//   - await.go, follow.go, ahead.go: calls made again until something has happened
//   - fleet.go, filter.go, bulk.go: the fleet, its tables, some of it, and commands on several workspaces
//   - complete.go: what a shell offers
//   - output.go, table.go, format.go, words.go, since.go: what is printed
//   - confirm.go: what is asked before a credential in use is ended
//   - exit.go, unreached.go: errors, exit codes, and why a call has no answer
//   - usage.go: what is wrong with a command line
//   - help.go: what --help says of each command, and its examples
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/client"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], terminal(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns its exit code. A person answers on in;
// it is nil when nobody can be asked.
func run(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	a := &app{in: in, out: &output{to: out}, errs: errs}
	_, a.attended = terminalOf(errs)
	root := a.command()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(errs)
	if err := checkTexts(args); err != nil {
		a.output = outputOf(args)
		return a.reportError(root, err)
	}
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = a.out.failed
	}
	if err == nil {
		return 0
	}
	if a.output != "json" && exitCode(err) == exitUsage { // the flag may stand after the one that is wrong
		a.output = outputOf(args)
	}
	return a.reportError(cmd, plainFlags(err))
}

// outputOf is how a command line that may be wrong says that the answer is to be printed.
func outputOf(args []string) string {
	line := " " + strings.Join(args, " ") + " "
	for _, flag := range []string{" -o json ", " -o=json ", " -ojson ", " --output json ", " --output=json "} {
		if strings.Contains(line, flag) {
			return "json"
		}
	}
	return "table"
}

// checkTexts refuses arguments that are no text: JSON can't carry their bytes, and a
// receiver would get others.
func checkTexts(args []string) error {
	for i, arg := range args {
		if !utf8.ValidString(arg) {
			return fmt.Errorf("argument %d is not UTF-8: %q", i+1, arg)
		}
	}
	return nil
}

// app is what the commands share.
type app struct {
	in              io.Reader // a person's answers; nil: nobody can be asked
	out             *output
	errs            io.Writer
	url, token      string // the flags that every command has
	context, output string
	clock           string
	attended        bool          // a person reads errs, and sees what stands there at once
	lines           bool          // several are shown, each in a line of JSON
	platform        client.Client // its URL is empty until the first call
}

// command is the whole program: the root with its global flags and all commands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "rollcall",
		Short: "See and mend the workspaces that a Rollcall platform keeps track of",
		Long: `rollcall answers, for each agent workspace: will a message sent to it now reach
its agent, and if not, why, and what mends it?

Begin with rollcall problems: it prints what is wrong, and a command for each.

The platform's address and a person's credential are taken from --context, or
from --url and --token, else from ROLLCALL_URL and ROLLCALL_TOKEN, else from
.rollcall/local.json in this folder or the nearest one above it (make run writes
that file), else from the context in use, which rollcall login makes. A
credential of --token or ROLLCALL_TOKEN is never sent to the address of that
file.

Exit codes:
  0    done
  1    the platform refused, or the output can't be written
  2    wrong usage
  3    no platform is known, or it doesn't answer, or it fails (HTTP 5xx)
  4    done, but with a bad outcome: not online (status --check), something is
       wrong (problems, doctor), not delivered (send, probe), not registered
       again (repair --wait)
  130  interrupted; watch and events --follow exit with 0 instead`,
		Example: `  rollcall problems
  rollcall explain demo
  rollcall repair demo`,
		Version:      currentVersion(),
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if a.token != "" {
				a.warn("a credential on the command line is shown in process lists and kept in the shell's history; " +
					"rollcall login or ROLLCALL_TOKEN keeps it out of both")
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.url, "url", "", "the platform's address, such as https://rollcall.example.com")
	flags.StringVar(&a.token, "token", "",
		"a person's credential (better: rollcall login, or ROLLCALL_TOKEN, which no process list shows)")
	flags.StringVar(&a.context, "context", "",
		"use the platform and credential of this context (rollcall context lists them)")
	a.output = "table"
	choiceVarP(root, flags, &a.output, "output", "o", "how the answer is printed", []string{"table", "json"})
	choiceVarP(root, flags, &a.clock, "time", "",
		"how times are shown (without it: ages are relative, dates local)", clocks)
	a.addCommands(root)
	root.AddCommand(a.costCommand(), a.versionCommand())
	addTexts(root)
	plainUsage(root)
	root.SetFlagErrorFunc(wrongFlag)
	completeFlag(root, "context", completeContexts)
	a.completeArguments(root)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	return root
}

// addCommands adds every command, under the heading that the help shows it.
func (a *app) addCommands(root *cobra.Command) {
	for _, group := range []struct {
		id, title string
		commands  []*cobra.Command
	}{
		{"see", "See:", []*cobra.Command{
			a.problemsCommand(), a.statusCommand(), a.topCommand(), a.watchCommand(), a.explainCommand(),
			a.logCommand(), a.historyCommand(), a.auditCommand(), a.eventsCommand(),
		}},
		{"mend", "Mend:", []*cobra.Command{
			a.repairCommand(), a.rotateCommand(), a.redriveCommand(),
			a.dismissCommand(), a.cancelCommand(), a.probeCommand(), a.doctorCommand(), a.sweepCommand(),
		}},
		{"manage", "Manage:", []*cobra.Command{
			a.createCommand(), a.adoptCommand(), a.enrolCommand(), a.withdrawCommand(),
			a.pauseCommand(), a.resumeCommand(), a.revokeCommand(), a.removeCommand(),
		}},
		{"people", "People:", []*cobra.Command{
			a.loginCommand(), a.logoutCommand(), a.contextCommand(), a.tokenCommand(), a.webhookCommand(),
		}},
		{"chat", "Chat:", []*cobra.Command{
			a.sendCommand(), a.receiptsCommand(),
		}},
	} {
		root.AddGroup(&cobra.Group{ID: group.id, Title: group.title})
		for _, c := range group.commands {
			c.GroupID = group.id
			root.AddCommand(c)
		}
	}
}
