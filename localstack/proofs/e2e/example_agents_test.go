package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// exampleAgent is one of the programs under examples, as an operator and a supervisor handle it.
type exampleAgent struct {
	id      string
	url     string // where it finds the platform
	command []string
	env     []string
	// lose takes its credential away, and mend gives it another one by the command line.
	lose, mend func(*testing.T)
	// exits reports whether it ends when its registration is refused, as a supervisor starts it again.
	exits bool
	// token is the credential that it has now.
	token func(*testing.T) string
	// answers checks that a message was answered with that text, to the user or to the peer that sent it.
	answers func(t *testing.T, mid, peer, peerToken, text string)

	cmd *exec.Cmd
	log *bytes.Buffer
}

// patience is how long a step of an example agent may take. A message that waits for the next try takes longest.
const patience = 90 * time.Second

// start runs the program. What it prints is shown if the test fails.
func (a *exampleAgent) start(t *testing.T) {
	t.Helper()
	a.log = &bytes.Buffer{}
	a.cmd = exec.CommandContext(t.Context(), a.command[0], a.command[1:]...)
	a.cmd.Env = append(os.Environ(), append(a.env, "ROLLCALL_URL="+a.url, "ROLLCALL_ID="+a.id)...)
	a.cmd.Stdout, a.cmd.Stderr = a.log, a.log
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd, log := a.cmd, a.log
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // one that has ended is gone already
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the agent printed:\n%s", log)
		}
	})
}

// stop kills the program, as a container that is lost.
func (a *exampleAgent) stop(t *testing.T) {
	t.Helper()
	if err := a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = a.cmd.Wait() // says that it was killed
}

// boot starts the program, which must end by itself with exit code 3.
func (a *exampleAgent) boot(t *testing.T) {
	t.Helper()
	a.start(t)
	err := a.cmd.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 3 {
		t.Fatalf("a refused agent ended with %v, not with exit code 3", err)
	}
}

// await waits until the workspace's status and reason are these.
func (a *exampleAgent) await(t *testing.T, status, reason string) {
	t.Helper()
	until(t, func() error {
		r, err := on(t).Do(t.Context(), "GET", "/workspaces/"+a.id, on(t).OperatorToken, nil)
		if err != nil {
			return err
		}
		if r.Text("status") != status || r.Text("reason") != reason {
			return fmt.Errorf("it is %s (%s), not %s (%s)", r.Text("status"), r.Text("reason"), status, reason)
		}
		return nil
	})
}

// until waits for a condition.
func until(t *testing.T, ok func() error) {
	t.Helper()
	if err := client.Until(t.Context(), patience, ok); err != nil {
		t.Fatal(err)
	}
}

// send sends the agent a message, of a user if there is no credential.
func (a *exampleAgent) send(t *testing.T, token, text string) (mid string) {
	t.Helper()
	mid = uuid.NewString()
	r, err := on(t).Do(t.Context(), "POST", "/workspaces/"+a.id+"/a2a", token, client.Message(mid, text))
	if err != nil || r.Status >= 300 {
		t.Fatalf("%v: HTTP %d: %s", err, r.Status, r.Raw)
	}
	return mid
}

// receipt is what a message's sender reads, once the message is delivered.
func (a *exampleAgent) receipt(t *testing.T, mid string) (r client.Reply) {
	t.Helper()
	until(t, func() error {
		r = call(t, 200, "GET", "/workspaces/"+a.id+"/messages/"+mid, on(t).OperatorToken, nil)
		if state := r.Text("state"); state != "delivered" {
			return fmt.Errorf("message %s is %s: %s", mid, state, r.Text("reason"))
		}
		return nil
	})
	return r
}

// Each program under examples is started, answers a user and a peer, is restarted with mail in between, loses its
// credential, is shown as what it is, and is mended by one command.
func TestAPIExampleAgents(t *testing.T) {
	on(t)
	for name, example := range map[string]func(*testing.T) *exampleAgent{
		"poll-python": pollPython, "push-typescript": pushTypeScript, "agent": pushGo,
	} {
		t.Run(name, func(t *testing.T) { example(t).livesThroughALostCredential(t) })
	}
}

func (a *exampleAgent) livesThroughALostCredential(t *testing.T) {
	a.start(t)
	a.await(t, "online", "healthy")
	peer, peerToken := newWorkspace(t, "a peer")
	a.answers(t, a.send(t, "", "hello"), "", "", "you said: hello")
	a.answers(t, a.send(t, peerToken, "are you there?"), peer, peerToken, "you said: are you there?")

	a.isToldOfWhatIsLost(t, peer)
	a.stop(t)
	if !strings.Contains(a.log.String(), "not delivered: lost to "+peer+" is cancelled") {
		t.Error("the agent does not say that its message was lost")
	}
	meanwhile := a.send(t, "", "meanwhile")
	a.start(t)
	a.answers(t, meanwhile, "", "", "you said: meanwhile")

	if a.exits {
		a.stop(t)
	}
	a.lose(t)
	if a.exits {
		a.boot(t)
		a.boot(t)
	}
	a.await(t, "degraded", "credentials_rejected")
	lost := a.send(t, "", "while it was lost")
	a.mend(t)
	if a.exits {
		a.start(t)
	}
	a.answers(t, lost, "", "", "you said: while it was lost")
	a.await(t, "online", "healthy")
}

// isToldOfWhatIsLost has the agent send the peer a message that is cancelled, and waits until the agent has taken the
// platform's notice of that.
func (a *exampleAgent) isToldOfWhatIsLost(t *testing.T, peer string) {
	t.Helper()
	call(t, 200, "POST", "/workspaces/"+peer+"/a2a", a.token(t), client.Message("lost", "is anybody there?"))
	call(t, 200, "POST", "/workspaces/"+peer+"/messages/lost/cancel", on(t).OperatorToken, nil)
	until(t, func() error {
		call(t, 200, "POST", "/sweep", on(t).OperatorToken, nil)
		r := call(t, 200, "GET", "/workspaces/"+a.id+"/messages?from=_rollcall", on(t).OperatorToken, nil)
		if !bytes.Contains(r.Raw, []byte(`"delivered"`)) {
			return fmt.Errorf("the agent has taken no notice: %s", r.Raw)
		}
		return nil
	})
}

// inFile is the credential that is kept in a file.
func inFile(file string) func(*testing.T) string {
	return func(t *testing.T) string {
		t.Helper()
		token, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(token))
	}
}

// repair opens the way for the agent's next register.
func (a *exampleAgent) repair(t *testing.T) { cliPrints(t, []string{"repair", a.id}, "revoked") }

// unsteady is the platform behind a proxy that answers the first call, and each fifth after it, with a 503 that says
// when to call again.
func unsteady(t *testing.T) string {
	t.Helper()
	target, err := url.Parse(on(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	var calls atomic.Int64
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1)%5 == 1 {
			w.Header().Set("Retry-After", "1")
			http.Error(w, `{"error": "unsteady", "code": "platform_unavailable"}`, http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// printed is the credential that the command line prints.
func printed(t *testing.T, kind string, args ...string) string {
	t.Helper()
	out, _ := runCLI(t, 0, args...)
	token := regexp.MustCompile(kind + `_\S+`).FindString(out)
	if token == "" {
		t.Fatalf("rollcall %s prints no credential:\n%s", strings.Join(args, " "), out)
	}
	return token
}

// inExamples is a file under examples.
func inExamples(path string) string {
	return filepath.Join("..", "..", "..", "examples", filepath.FromSlash(path))
}

// pollPython is enrolled, keeps its credential in a file, and registers again by itself when that is refused. Its
// workspace exists: no policy but the enrolment gives it a credential.
func pollPython(t *testing.T) *exampleAgent {
	file := filepath.Join(t.TempDir(), "token")
	id, _ := newWorkspace(t, "poll-python")
	a := &exampleAgent{id: id, url: unsteady(t), command: []string{"python3", inExamples("poll-python/agent.py")}}
	enrolment := call(t, 201, "POST", "/enrolments", on(t).OperatorToken, map[string]any{"workspace_id": id, "uses": 1})
	a.env = []string{
		"ROLLCALL_TOKEN_FILE=" + file, "ROLLCALL_POLL_SECONDS=0.2", "ROLLCALL_REFUSED_SECONDS=0.2",
		"ROLLCALL_ENROLMENT_TOKEN=" + enrolment.Text("enrolment_token"),
	}
	a.token = inFile(file)
	a.lose = func(t *testing.T) {
		if err := os.WriteFile(file, []byte("not-the-credential"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	a.mend = func(t *testing.T) {
		cliPrints(t, []string{"history", id}, "issued for enrolment token")
		a.repair(t)
	}
	a.answers = func(t *testing.T, mid, peer, peerToken, text string) {
		a.receipt(t, mid)
		path, token := "/workspaces/"+a.id+"/activity?type=notify", on(t).OperatorToken
		if peer != "" {
			path, token = "/workspaces/"+peer+"/activity?type=a2a_receive&limit=100", peerToken
		}
		until(t, func() error {
			if r := call(t, 200, "GET", path, token, nil); !bytes.Contains(r.Raw, []byte(text)) {
				return fmt.Errorf("%q is not in %s", text, r.Raw)
			}
			return nil
		})
	}
	return a
}

// pushTypeScript is created by the operator, and takes its credential from its environment.
func pushTypeScript(t *testing.T) *exampleAgent {
	a := &exampleAgent{
		id: uuid.NewString(), url: unsteady(t), exits: true,
		command: []string{"node", inExamples("push-typescript/agent.mjs")},
	}
	const variable = "ROLLCALL_TOKEN="
	place := func(token string) { a.env = []string{"PORT=0", variable + token} }
	a.token = func(*testing.T) string { return strings.TrimPrefix(a.env[1], variable) }
	place(printed(t, "rcw", "create", a.id, "--max-tasks", "2"))
	a.lose = func(*testing.T) { place("not-the-credential") }
	a.mend = func(t *testing.T) { place(printed(t, "rcw", "repair", a.id, "--show")) }
	a.answers = a.answersPushes
	return a
}

// pushGo keeps its credential in a file, and is restarted to register again.
func pushGo(t *testing.T) *exampleAgent {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	a := &exampleAgent{id: uuid.NewString(), url: on(t).URL, exits: true}
	a.command = []string{
		on(t).Agent, "-platform", on(t).URL, "-id", a.id, "-token-file", file,
		"-journal", filepath.Join(dir, "journal"), "-heartbeat", "2s",
	}
	a.token = inFile(file)
	a.lose = func(t *testing.T) {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	a.mend = a.repair
	a.answers = a.answersPushes
	return a
}

// answersPushes is answers of an agent that is pushed to: its answer to the push is in the receipt.
func (a *exampleAgent) answersPushes(t *testing.T, mid, _, _, text string) {
	t.Helper()
	if r := a.receipt(t, mid); r.Text("answer_text") != text {
		t.Errorf("the answer is %q, want %q: %s", r.Text("answer_text"), text, r.Raw)
	}
}

// The agent in TypeScript says that it is busy, that a task failed, and that a stranger's call is not its platform's.
func TestAPIExampleAgentAnswersOfAllKinds(t *testing.T) {
	a := pushTypeScript(t)
	a.start(t)
	a.await(t, "online", "healthy")
	first, second := a.send(t, "", "slow one"), a.send(t, "", "slow two")
	tries := ""
	for _, mid := range []string{first, second} {
		r := a.receipt(t, mid)
		tries += r.Text("attempts")
		if !strings.HasPrefix(r.Text("answer_text"), "you said: slow") {
			t.Errorf("%s", r.Raw)
		}
	}
	if !strings.Contains(tries, "outcome:busy") {
		t.Errorf("two messages at once, and the agent was never busy: %s", tries)
	}
	failed := a.receipt(t, a.send(t, "", "fail"))
	if failed.Text("task_state") != "failed" ||
		!strings.Contains(failed.Text("answer_text"), "the model answers nothing") {
		t.Errorf("%s", failed.Raw)
	}
	address := call(t, 200, "GET", "/workspaces/"+a.id, on(t).OperatorToken, nil).Text("url")
	if u, err := url.Parse(address); err != nil || u.Host == "" {
		t.Fatalf("the agent is at %q: %v", address, err)
	}
	stranger := client.Client{URL: address}
	r, err := stranger.Do(t.Context(), "POST", "", "", client.Message(uuid.NewString(), "forged"))
	if err != nil || r.Status != 401 {
		t.Errorf("a call without a signature: HTTP %d, %v", r.Status, err)
	}
}
