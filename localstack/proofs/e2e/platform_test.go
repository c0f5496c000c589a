// Package e2e tests the built functions on an emulator, where cdk deployed them, and the
// real stores and queues. make test starts the platforms and describes the one under test
// in the file that ROLLCALL_PLATFORM names. A bare go test skips these tests.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/rollcall/rollcall/localstack/proofs/openapi"
	"github.com/rollcall/rollcall/shared/app"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/workspace"
)

// platformUnderTest is what the file at ROLLCALL_PLATFORM says.
type platformUnderTest struct {
	client.Client
	Endpoint string            `json:"endpoint"`
	Kind     string            `json:"kind"`
	Env      map[string]string `json:"env"` // of the deployed dispatch function
	// Functions are the names that the functions have at the emulator, by their own.
	Functions map[string]string `json:"functions"`
	Agent     string            `json:"agent"`
	CLI       string            `json:"cli"`
	PID       int               `json:"pid"`
	MaxOpen   int               `json:"max_open"` // how many messages one mailbox takes
}

var platform *platformUnderTest // nil: there is none

func TestMain(m *testing.M) {
	if file := os.Getenv("ROLLCALL_PLATFORM"); file != "" {
		raw, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(raw, &platform)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "e2e:", err)
			os.Exit(1)
		}
	}
	os.Exit(runChecked(m))
}

// runChecked runs the tests. Afterwards every call must have been as the API's description
// says, and no credential may be in a log.
func runChecked(m *testing.M) int {
	if platform == nil {
		return m.Run()
	}
	doc, err := platform.Do(context.Background(), "GET", "/openapi.json", "", nil)
	if err != nil || doc.Status != 200 {
		fmt.Fprintln(os.Stderr, "e2e: no /openapi.json:", doc.Status, err)
		return 1
	}
	checker, err := openapi.New(doc.Raw)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	base, err := url.Parse(platform.URL)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		return 1
	}
	checker.Path = base.EscapedPath()
	platform.Transport = checker
	code := m.Run()
	for _, d := range checker.Departures() {
		fmt.Fprintln(os.Stderr, "e2e: not as described:", d)
		code = 1
	}
	if err := noSecretIsLogged(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	return code
}

// on is the platform under test. A bare go test has none and skips the test; make test
// starts one.
func on(t *testing.T) *platformUnderTest {
	t.Helper()
	if platform == nil {
		t.Skip("needs a running platform: make test starts one and runs this test")
	}
	return platform
}

// wired is the use cases in this process, on the deployed tables and queues.
func wired(t *testing.T, change ...func(*aws.Config)) *app.Env {
	t.Helper()
	s := on(t)
	env, err := app.New(app.Config{
		Region: "us-east-1", AccessKey: "test", SecretKey: "test", Endpoint: s.Endpoint,
		LeasesTable: s.Env["ROLLCALL_LEASES_TABLE"], ChatTable: s.Env["ROLLCALL_CHAT_TABLE"],
		WakeupsURL: s.Env["ROLLCALL_WAKEUPS_URL"], SlowWakeups: s.Env["ROLLCALL_SLOW_WAKEUPS_URL"],
		CallbackWakeups: s.Env["ROLLCALL_CALLBACK_WAKEUPS_URL"],
		SweepTasksURL:   s.Env["ROLLCALL_SWEEP_TASKS_URL"], QueuePrefix: s.Env["ROLLCALL_QUEUE_PREFIX"],
		DeadLetterURL: s.Env["ROLLCALL_DEAD_LETTER_URL"], DeadLetterARN: s.Env["ROLLCALL_DEAD_LETTER_ARN"],
		OperatorHash: s.Env["ROLLCALL_OPERATOR_SHA256"], Bootstrap: workspace.Open, Chat: app.Open,
		AgentURLs: push.Private, PushTimeout: 2 * time.Minute, StorePatience: 10 * time.Second,
		View: app.Open, Peers: workspace.PeersFleet,
	}, change...)
	if err != nil {
		t.Fatal(err)
	}
	return env
}
