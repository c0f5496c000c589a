// Command agent is a small A2A agent, made to be read and copied. It does what
// every agent on Rollcall does, one file each:
//
//   - lifecycle.go: it registers, and renews its lease by heartbeats
//   - credential.go: it keeps its credential in a file, and replaces it on request
//   - platform.go: it calls the platform's API
//   - a2a.go: it receives messages at its own URL
//   - verify.go: it takes them from its platform alone
//
// It ends with exit code 3 when the platform refuses its registration. Run it
// under a supervisor that starts it again: a new start registers anew, and gets a
// new credential if an operator has opened the way (rollcall repair).
package main

import (
	"cmp"
	"context"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

// exitRefused is the exit code of an agent whose registration is refused.
const exitRefused = 3

// callTimeout is how long a call of the platform may take. It answers within 30 s, or not at all: without a limit, a
// connection that is lost without a word would stop the heartbeats for good.
const callTimeout = 30 * time.Second

// agent is one workspace's agent.
type agent struct {
	platform  string        // Rollcall's address
	id        string        // the workspace that this agent serves
	tokenFile string        // holds the credential from one start to the next
	enrolment string        // an enrolment token; needed only for a first credential
	journal   string        // gets a line of JSON for each message; "": none does
	beat      time.Duration // between two heartbeats
	patience  time.Duration // for an answer of the platform

	working    sync.Mutex    // held while a message is worked on, so one at a time
	done       []string      // the ids of the last messages that were worked on; working guards it
	registered chan struct{} // closed when the agent has registered
	first      sync.Once     // closes registered
	signing    sync.Mutex    // guards secret
	secret     string        // what the platform signs its calls with; set before registered is closed
}

func main() {
	log.SetFlags(0)
	a := flags()
	flag.Parse()
	if a.id == "" || a.tokenFile == "" {
		log.Fatal("-id and -token-file must be given: the agent's workspace, and the file of its credential (see -help)")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status, err := a.run(ctx)
	stop()
	switch {
	case status == http.StatusUnauthorized:
		log.Printf("register: %v", err)
		os.Exit(exitRefused)
	case err != nil:
		log.Fatal(err)
	}
}

// flags declares the configuration that the command line sets.
func flags() *agent {
	a := agent{registered: make(chan struct{}), patience: callTimeout}
	flag.StringVar(&a.platform, "platform", cmp.Or(os.Getenv("ROLLCALL_URL"), "http://127.0.0.1:8080"),
		"Rollcall's address (taken from ROLLCALL_URL if not given)")
	flag.StringVar(&a.id, "id", "", "the id of the workspace that this agent serves")
	flag.StringVar(&a.tokenFile, "token-file", "",
		"the file in which the credential is kept; put it on a volume that outlives the container")
	flag.StringVar(&a.enrolment, "enrolment-token", os.Getenv("ROLLCALL_ENROLMENT_TOKEN"),
		"a token from rollcall enrol, for an agent without a credential (taken from ROLLCALL_ENROLMENT_TOKEN if not given)")
	flag.StringVar(&a.journal, "journal", "", "the file to which received messages are appended, one line of JSON each")
	flag.DurationVar(&a.beat, "heartbeat", 30*time.Second,
		"time between heartbeats; it must be well below the platform's lease time")
	return &a
}
