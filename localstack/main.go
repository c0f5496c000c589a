// Command localstack runs Rollcall on this machine: an emulator, the CDK stack
// deployed onto it, and the front door. The Makefile builds it as .build/local and
// calls it with one verb. The verb help lists the verbs.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/rollcall/rollcall/localstack/platform/emulator"
)

// verb is one thing that this program does.
type verb struct {
	name string
	does string
	run  func(context.Context, emulator.Dirs) error
}

// verbs are listed by usage in this order.
var verbs = []verb{
	{"run", "start the platform and serve it until Ctrl-C (PORT=, EMULATOR=)", run},
	{"test", "run everything that must pass, on LocalStack and on ministack", test},
	{"incident", "replay the incident with real processes, on a running platform or on a new one", incident},
	{"conformance", "play the exact sequences of the existing clients", playConformance},
	{"scenarios", "play the stories of what goes wrong with agents and credentials (STORY=)", scenarios},
	{"chaos", "run a seeded campaign of faults and count what was lost (SEED=, FAULTS=)", chaosCampaign},
	{"e2e", "run the end-to-end tests on LocalStack (RUN=)", endToEndTests},
	{"fuzz", "give each fuzz target inputs that nobody thought of (FUZZTIME=)", fuzz},
	{"stages", "deploy two stages into one account and show that neither touches the other", twoStages},
	{"alarms", "provoke every alarm of the stack, and follow its runbook", provokeAlarms},
	{"rehearse", "play the deployment pipeline on ministack, from the last commit", rehearse},
	{"prove", "try a deployment (ROLLCALL_URL=, ROLLCALL_TOKEN=, TESTS=, PROBES_FOR=)", prove},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := runVerb(ctx, strings.Join(os.Args[1:], " "))
	stop()
	os.Exit(code)
}

// runVerb runs the verb of that name in the current directory, which must be the
// root of a checkout, and returns the exit code.
func runVerb(ctx context.Context, name string) int {
	if name == "help" || name == "-h" || name == "--help" {
		usage(os.Stdout)
		return 0
	}
	for _, v := range verbs {
		if v.name != name {
			continue
		}
		root, err := os.Getwd()
		if err == nil {
			err = v.run(ctx, emulator.Dirs{Root: root})
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "rollcall:", err)
			return 1
		}
		return 0
	}
	usage(os.Stderr)
	return 2
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: local VERB\n\nverbs:")
	for _, v := range verbs {
		fmt.Fprintf(w, "  %-12s %s\n", v.name, v.does)
	}
	fmt.Fprintf(w, "  %-12s %s\n", "help", "print this list")
	fmt.Fprint(w, `
environment:
  EMULATOR     ministack (the default) or localstack; test chooses its own
  PORT         where run serves the platform; the default is 8080
  CORS_ORIGINS run lets the web pages of these origins call the API, such as http://localhost:3000
  SEED         the seed of chaos; the default is a new one each time
  FAULTS       how many faults chaos makes; the default is 300
  FUZZTIME     how many inputs fuzz gives each target (1000x, the default), or for how long (10m)
  RUN          a regular expression: e2e runs only the tests whose name matches
  TESTS        what prove tries a deployment with; the default is smoke conformance probes
  PROBES_FOR   how long prove sends probes; the default is 10m
  STORY        a regular expression: scenarios plays only the stories whose title matches
`)
}
