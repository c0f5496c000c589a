package scenario

import (
	"bufio"
	"context"
	"encoding/json"
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

// Incident replays the incident that Rollcall exists for, with a real agent process
// (agentBinary), and prints each step on out. It returns the first step that did not
// hold.
func Incident(ctx context.Context, p client.Client, agentBinary string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "rollcall-incident-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	i := &incident{p: p, id: uuid.NewString(), dir: dir, agent: agentBinary, out: out, start: time.Now()}
	defer i.stopAgent()
	i.print("", "The incident, replayed on %s with workspace %s.\n", p.URL, i.id)
	for _, chapter := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"A healthy agent", i.startHealthy},
		{"The container is re-created and the token is lost", i.loseToken},
		{"Three messages arrive", i.sendMessages},
		{"The status tells the truth", i.checkStatus},
		{"The operator repairs it with one call", i.repair},
		{"The agent boots again and everything heals", i.bootAgain},
	} {
		i.print("", "\n%s", chapter.title)
		if err := chapter.play(ctx); err != nil {
			i.print("✗", "%v", err)
			return fmt.Errorf("%s: %w", chapter.title, err)
		}
	}
	i.print("", "\nEvery step was as told.")
	return nil
}

type incident struct {
	p          client.Client
	id, dir    string
	agent      string
	cmd        *exec.Cmd
	out        io.Writer
	start      time.Time
	messageIDs []string
}

func (i *incident) print(mark, format string, args ...any) {
	if mark == "" {
		fmt.Fprintf(i.out, format+"\n", args...)
		return
	}
	fmt.Fprintf(i.out, "  %6.1f s  %s %s\n", time.Since(i.start).Seconds(), mark, fmt.Sprintf(format, args...))
}

func (i *incident) tokenFile() string { return filepath.Join(i.dir, "token") }
func (i *incident) journal() string   { return filepath.Join(i.dir, "journal") }

// boot starts the agent and returns its first line of output.
func (i *incident) boot(ctx context.Context) (string, error) {
	i.cmd = exec.CommandContext(ctx, i.agent, "-platform", i.p.URL, "-id", i.id,
		"-token-file", i.tokenFile(), "-journal", i.journal(), "-heartbeat", "2s")
	pipe, err := i.cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := i.cmd.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(pipe).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("the agent said nothing: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, pipe) }()
	return strings.TrimSpace(line), nil
}

func (i *incident) stopAgent() {
	if i.cmd != nil {
		_ = i.cmd.Process.Kill()
		_ = i.cmd.Wait()
		i.cmd = nil
	}
}

func (i *incident) view(ctx context.Context) (client.Reply, error) {
	return i.call(ctx, "GET", "/workspaces/"+i.id, nil)
}

// call makes an operator's call, which must be answered 200.
func (i *incident) call(ctx context.Context, method, path string, body any) (client.Reply, error) {
	r, err := i.p.Do(ctx, method, path, i.p.OperatorToken, body)
	if err == nil && r.Status != http.StatusOK {
		err = fmt.Errorf("%s %s answered %d, not %d: %s", method, path, r.Status, http.StatusOK, r.Raw)
	}
	return r, err
}

// send sends a user's message, without a credential: the local policy allows that.
func (i *incident) send(ctx context.Context, text string) (client.Reply, string, error) {
	id := uuid.NewString()
	r, err := i.p.Do(ctx, "POST", "/workspaces/"+i.id+"/a2a", "", client.Message(id, text))
	if err == nil && r.Status != 200 && r.Status != 202 {
		err = fmt.Errorf("the message was answered %d: %s", r.Status, r.Raw)
	}
	return r, id, err
}

func (i *incident) awaitStatus(ctx context.Context, status, reason string) (client.Reply, error) {
	var last client.Reply
	err := client.Until(ctx, 30*time.Second, func() (err error) {
		if last, err = i.view(ctx); err != nil {
			return err
		}
		if last.Text("status") != status || last.Text("reason") != reason {
			return fmt.Errorf("the status is %s (%s), not %s (%s)", last.Text("status"), last.Text("reason"), status, reason)
		}
		return nil
	})
	return last, err
}

func (i *incident) awaitDelivered(ctx context.Context, id string) (client.Reply, error) {
	var last client.Reply
	err := client.Until(ctx, 60*time.Second, func() (err error) {
		if last, err = i.call(ctx, "GET", "/workspaces/"+i.id+"/messages/"+id, nil); err != nil {
			return err
		}
		if last.Text("state") != "delivered" {
			return fmt.Errorf("message %s is %s (%s), not delivered", id, last.Text("state"), last.Text("reason"))
		}
		return nil
	})
	return last, err
}

func (i *incident) startHealthy(ctx context.Context) error {
	line, err := i.boot(ctx)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "registered") {
		return fmt.Errorf("the agent did not register: %s", line)
	}
	i.print("•", "agent: %s", line)
	if _, err := i.awaitStatus(ctx, "online", "healthy"); err != nil {
		return err
	}
	i.print("✓", "status: online (healthy)")
	r, id, err := i.send(ctx, "are you there?")
	if err != nil {
		return err
	}
	i.print("•", `user: "are you there?" → %d, expected: %s`, r.Status, r.Text("expected"))
	got, err := i.awaitDelivered(ctx, id)
	if err != nil {
		return err
	}
	i.print("✓", "receipt: delivered; the agent answered %s", got.Text("answer_text"))
	return nil
}

func (i *incident) loseToken(ctx context.Context) error {
	i.stopAgent()
	if err := os.Remove(i.tokenFile()); err != nil {
		return err
	}
	i.print("•", "the volume with the token is gone")
	r, err := i.call(ctx, "POST", "/workspaces", map[string]any{
		"id": i.id, "name": "example agent", "adopt": true, "delivery_mode": "poll",
	})
	if err != nil {
		return err
	}
	if mode := r.Text("delivery", "declared_mode"); mode != "poll" {
		return fmt.Errorf("the row's mode is %q, not poll", mode)
	}
	i.print("•", "an old installer leaves delivery_mode=poll on its row")
	for boot := 1; boot <= 3; boot++ {
		line, err := i.boot(ctx)
		if err != nil {
			return err
		}
		_ = i.cmd.Wait() // its exit code is checked below
		code := i.cmd.ProcessState.ExitCode()
		i.cmd = nil
		if code != 3 || !strings.Contains(line, "HTTP 401") {
			return fmt.Errorf("boot %d ended with %d and said %q", boot, code, line)
		}
		short, _, _ := strings.Cut(line, "; then")
		i.print("•", "boot %d: %s", boot, short)
	}
	return nil
}

func (i *incident) sendMessages(ctx context.Context) error {
	for _, text := range []string{"first: please summarise the report", "second: and send it to Ana", "third: hello?"} {
		r, id, err := i.send(ctx, text)
		if err != nil {
			return err
		}
		i.messageIDs = append(i.messageIDs, id)
		i.print("•", `user: "%s" → %d, expected: %s, depth %s`, text, r.Status, r.Text("expected"), r.Text("queue_depth"))
		if r.Text("expected") != "nobody_is_listening" {
			return fmt.Errorf("the sender was told %q, not that nobody is listening", r.Text("expected"))
		}
	}
	i.print("✓", "each sender was told the truth at once: nobody is listening, and why")
	return nil
}

func (i *incident) checkStatus(ctx context.Context) error {
	r, err := i.awaitStatus(ctx, "degraded", "credentials_rejected")
	if err != nil {
		return err
	}
	if r.Text("action") != "repair" || !strings.Contains(r.Text("hint"), "rollcall repair "+i.id) {
		return fmt.Errorf("the hint does not name the repair: %s", r.Raw)
	}
	i.print("✓", "status: degraded (credentials_rejected), since %s", r.Text("since"))
	i.print("✓", "hint: %s", r.Text("hint"))
	return nil
}

func (i *incident) repair(ctx context.Context) error {
	r, err := i.call(ctx, "POST", "/workspaces/"+i.id+"/repair", nil)
	if err != nil {
		return err
	}
	i.print(
		"✓",
		"POST /workspaces/%s/repair → revoked %s, bootstrap open until %s",
		i.id,
		r.Text("revoked"),
		r.Text("bootstrap_until"),
	)
	return nil
}

func (i *incident) bootAgain(ctx context.Context) error {
	line, err := i.boot(ctx)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "registered") || !strings.HasSuffix(line, "push") {
		return fmt.Errorf("the agent did not register as push: %s", line)
	}
	i.print("✓", "agent: %s (the stale poll is gone)", line)
	for n, id := range i.messageIDs {
		if _, err := i.awaitDelivered(ctx, id); err != nil {
			return err
		}
		i.print("✓", "receipt of message %d: delivered", n+1)
	}
	got, err := i.received()
	if err != nil {
		return err
	}
	if want := i.messageIDs; len(got) != len(want)+1 || strings.Join(got[1:], " ") != strings.Join(want, " ") {
		return fmt.Errorf("the agent received %v, not one and then %v", got, want)
	}
	i.print("✓", "the agent has all three, in order, once")
	r, err := i.awaitStatus(ctx, "online", "healthy")
	if err != nil {
		return err
	}
	i.print(
		"✓",
		"status: online (healthy); accepted %s, delivered %s",
		r.Text("messages", "accepted"),
		r.Text("messages", "delivered"),
	)
	return nil
}

// received reads the agent's journal: the ids of its messages, in the order of arrival.
func (i *incident) received() ([]string, error) {
	f, err := os.Open(i.journal())
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var ids []string
	for dec := json.NewDecoder(f); ; {
		var line struct {
			ID string `json:"message_id"`
		}
		switch err := dec.Decode(&line); {
		case errors.Is(err, io.EOF):
			return ids, nil
		case err != nil:
			return ids, err
		}
		ids = append(ids, line.ID)
	}
}
