// Package deployed tries a deployment from outside, as people and agents use it: by its
// address and one credential of the scope operate. The deployment pipeline does so after
// each stage (make prove); so can anybody.
package deployed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// Platform is a deployment, and the programs that it is tried with.
type Platform struct {
	client.Client
	CLI   string // the command-line program
	Agent string // an agent that polls, in Python: no deployment can push to a build machine
}

// patience is how long each thing may take that does not happen at once: a cold start, a
// poll, a status that comes from a heartbeat.
const patience = time.Minute

// Smoke plays the life of one workspace, and removes it in the end.
func Smoke(ctx context.Context, p Platform, out io.Writer) error {
	w, err := p.newWorkspace("smoke")
	if err != nil {
		return err
	}
	defer w.close(ctx)
	return play(out, []step{
		{"it serves, and can ask its store", func() error { return w.serves(ctx) }},
		{"a workspace is created", func() error { return w.create(ctx) }},
		{"its agent registers, and it is online", func() error {
			return errors.Join(w.start(), w.is(ctx, "online", "healthy"))
		}},
		{"a message arrives, is answered, and its receipt says so", func() error { return w.delivers(ctx, "hello") }},
		{"a lost credential is seen", func() error {
			return errors.Join(w.place("not-the-credential"), w.is(ctx, "degraded", "credentials_rejected"))
		}},
		{"one repair mends it, and what was sent meanwhile arrives", func() error { return w.repair(ctx) }},
		{"it is removed, and its agent ends", func() error { return w.remove(ctx) }},
	})
}

type step struct {
	what string
	do   func() error
}

// play does one step after another, until one fails.
func play(out io.Writer, steps []step) error {
	for _, s := range steps {
		if err := s.do(); err != nil {
			return fmt.Errorf("%s: %w", s.what, err)
		}
		fmt.Fprintln(out, "  ok   ", s.what)
	}
	return nil
}

// workspace is one that is made for a test, with its agent's process.
type workspace struct {
	Platform
	id, dir string
	agent   *exec.Cmd
	ended   chan struct{} // closed when the agent's process has ended
	created bool
}

func (p Platform) newWorkspace(test string) (*workspace, error) {
	dir, err := os.MkdirTemp("", "rollcall-"+test+"-")
	return &workspace{Platform: p, id: test + "-" + uuid.NewString(), dir: dir}, err
}

// close removes what is left of the workspace.
func (w *workspace) close(ctx context.Context) {
	w.stop()
	if w.created {
		_, _ = w.run(context.WithoutCancel(ctx), "remove", w.id, "--yes", "--purge") // the step that failed says why
	}
	_ = os.RemoveAll(w.dir)
}

func (w *workspace) stop() {
	if w.agent == nil {
		return
	}
	_ = w.agent.Process.Kill() // an error means that it has ended already
	<-w.ended
	w.agent = nil
}

// run runs the command-line program, as an operator does.
func (w *workspace) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, w.CLI, args...)
	cmd.Env = append(os.Environ(), "ROLLCALL_URL="+w.URL, "ROLLCALL_TOKEN="+w.OperatorToken)
	printed, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("rollcall %s: %w\n%s", args[0], err, printed)
	}
	return string(printed), err
}

func (w *workspace) serves(ctx context.Context) error {
	err := client.Until(ctx, patience, func() error {
		_, err := w.get(ctx, "/healthz")
		return err
	})
	if err != nil {
		return err
	}
	_, err = w.get(ctx, "/openapi.json")
	return err
}

// get is what a path answers; anything but 200 is an error.
func (w *workspace) get(ctx context.Context, path string) (client.Reply, error) {
	r, err := w.Do(ctx, http.MethodGet, path, w.OperatorToken, nil)
	if err == nil && r.Status != http.StatusOK {
		err = fmt.Errorf("%s answers %d: %.300s", path, r.Status, r.Raw)
	}
	return r, err
}

// create creates the workspace, and gives its agent the credential.
func (w *workspace) create(ctx context.Context) error {
	printed, err := w.run(ctx, "create", w.id, "--name", "a test of the deployment")
	if err != nil {
		return err
	}
	w.created = true
	_, credential, found := strings.Cut(printed, "shown this once: ")
	if !found {
		return fmt.Errorf("no credential is shown: %s", printed)
	}
	return w.place(strings.TrimSpace(credential))
}

func (w *workspace) tokenFile() string { return filepath.Join(w.dir, "token") }

// place puts a credential where the agent reads it, in one step.
func (w *workspace) place(credential string) error {
	next := w.tokenFile() + ".placed"
	if err := os.WriteFile(next, []byte(credential), 0o600); err != nil {
		return err
	}
	return os.Rename(next, w.tokenFile())
}

// start starts the agent.
func (w *workspace) start() error {
	log, err := os.Create(filepath.Join(w.dir, "agent.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("python3", w.Agent)
	cmd.Env = append(os.Environ(), "ROLLCALL_URL="+w.URL, "ROLLCALL_ID="+w.id, "ROLLCALL_TOKEN_FILE="+w.tokenFile(),
		"ROLLCALL_TOKEN=", "ROLLCALL_POLL_SECONDS=1", "ROLLCALL_REFUSED_SECONDS=1")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	w.agent, w.ended = cmd, make(chan struct{})
	go func() { _ = cmd.Wait(); close(w.ended) }()
	return nil
}

// is waits until the workspace has that status.
func (w *workspace) is(ctx context.Context, status, reason string) error {
	err := client.Until(ctx, patience, func() error {
		r, err := w.get(ctx, "/workspaces/"+w.id)
		if err == nil && (r.Text("status") != status || r.Text("reason") != reason) {
			err = fmt.Errorf("it is %s (%s), not %s (%s)", r.Text("status"), r.Text("reason"), status, reason)
		}
		return err
	})
	if err != nil {
		said, _ := os.ReadFile(filepath.Join(w.dir, "agent.log"))
		err = fmt.Errorf("%w; its agent says:\n%s", err, said)
	}
	return err
}

// delivers sends a message, and waits for its receipt and its answer.
func (w *workspace) delivers(ctx context.Context, text string) error {
	message := uuid.NewString()
	if _, err := w.run(ctx, "send", w.id, "--id", message, "--no-follow", text); err != nil {
		return err
	}
	return w.answered(ctx, message, text)
}

func (w *workspace) answered(ctx context.Context, message, text string) error {
	return client.Until(ctx, patience, func() error {
		receipt, err := w.run(ctx, "receipts", w.id, message)
		if err == nil && !strings.Contains(receipt, "delivered") {
			err = fmt.Errorf("the receipt says:\n%s", receipt)
		}
		if err != nil {
			return err
		}
		r, err := w.get(ctx, "/workspaces/"+w.id+"/activity?type=notify")
		if err == nil && !strings.Contains(string(r.Raw), "you said: "+text) {
			err = fmt.Errorf("%q was not answered", text)
		}
		return err
	})
}

// repair mends the lost credential while a message waits.
func (w *workspace) repair(ctx context.Context) error {
	message := uuid.NewString()
	if _, err := w.run(ctx, "send", w.id, "--id", message, "--no-follow", "while", "it", "was", "lost"); err != nil {
		return err
	}
	if _, err := w.run(ctx, "repair", w.id); err != nil {
		return err
	}
	return errors.Join(w.answered(ctx, message, "while it was lost"), w.is(ctx, "online", "healthy"))
}

// remove removes the workspace; its agent is told so, and ends by itself.
func (w *workspace) remove(ctx context.Context) error {
	if _, err := w.run(ctx, "remove", w.id, "--yes", "--purge"); err != nil {
		return err
	}
	w.created = false
	return client.Until(ctx, patience, func() error {
		select {
		case <-w.ended:
			return nil
		default:
			return errors.New("its agent still runs")
		}
	})
}
