// Package scenario plays stories against a running platform.
package scenario

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// Incident replays the incident Rollcall was born of, with a real agent process
// (agentBinary), and tells it on out. It returns the first step that was not as
// told.
func Incident(ctx context.Context, p client.Local, agentBinary string, out io.Writer) error {
	dir, err := os.MkdirTemp("", "rollcall-incident-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s := &story{p: p, id: uuid.NewString(), dir: dir, agent: agentBinary, out: out, start: time.Now()}
	defer s.stopAgent()
	s.say("", "The incident, replayed on %s with workspace %s.\n", p.URL, s.id)
	for _, chapter := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"A healthy agent", s.healthy},
		{"The container is re-created and the token is lost", s.lost},
		{"Three messages arrive", s.messages},
		{"The status tells the truth", s.truth},
		{"The operator repairs it with one call", s.repair},
		{"The agent boots again and everything heals", s.heal},
	} {
		s.say("", "\n%s", chapter.title)
		if err := chapter.play(ctx); err != nil {
			s.say("✗", "%v", err)
			return fmt.Errorf("%s: %w", chapter.title, err)
		}
	}
	s.say("", "\nEvery step was as told.")
	return nil
}

type story struct {
	p          client.Local
	id, dir    string
	agent      string
	cmd        *exec.Cmd
	out        io.Writer
	start      time.Time
	messageIDs []string
}

func (s *story) say(mark, format string, args ...any) {
	if mark == "" {
		fmt.Fprintf(s.out, format+"\n", args...)
		return
	}
	fmt.Fprintf(s.out, "  %6.1f s  %s %s\n", time.Since(s.start).Seconds(), mark, fmt.Sprintf(format, args...))
}

func (s *story) tokenFile() string { return filepath.Join(s.dir, "token") }
func (s *story) journal() string   { return filepath.Join(s.dir, "journal") }

// boot starts the agent; it waits for its first line of output.
func (s *story) boot(ctx context.Context) (string, error) {
	s.cmd = exec.CommandContext(ctx, s.agent, "-platform", s.p.URL, "-id", s.id, "-token-file", s.tokenFile(), "-journal", s.journal(), "-heartbeat", "2s")
	pipe, err := s.cmd.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := s.cmd.Start(); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(pipe).ReadString('\n')
	if err != nil && line == "" {
		return "", fmt.Errorf("the agent said nothing: %w", err)
	}
	go func() { _, _ = io.Copy(io.Discard, pipe) }()
	return strings.TrimSpace(line), nil
}

func (s *story) stopAgent() {
	if s.cmd != nil {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *story) view(ctx context.Context) (client.Reply, error) {
	return s.call(ctx, 200, "GET", "/workspaces/"+s.id, nil)
}

func (s *story) call(ctx context.Context, want int, method, path string, body any) (client.Reply, error) {
	r, err := s.p.Do(ctx, method, path, s.p.OperatorToken, body)
	if err == nil && r.Status != want {
		err = fmt.Errorf("%s %s answered %d, not %d: %s", method, path, r.Status, want, r.Raw)
	}
	return r, err
}

// send is a user's message: no credential, as the local policy allows.
func (s *story) send(ctx context.Context, text string) (client.Reply, string, error) {
	id := uuid.NewString()
	r, err := s.p.Do(ctx, "POST", "/workspaces/"+s.id+"/a2a", "", client.Message(id, text))
	if err == nil && r.Status != 200 && r.Status != 202 {
		err = fmt.Errorf("the message was answered %d: %s", r.Status, r.Raw)
	}
	return r, id, err
}

func (s *story) awaitStatus(ctx context.Context, status, reason string) (client.Reply, error) {
	var last client.Reply
	err := client.Until(ctx, 30*time.Second, func() (err error) {
		if last, err = s.view(ctx); err != nil {
			return err
		}
		if last.Text("status") != status || last.Text("reason") != reason {
			return fmt.Errorf("the status is %s (%s), not %s (%s)", last.Text("status"), last.Text("reason"), status, reason)
		}
		return nil
	})
	return last, err
}

func (s *story) awaitDelivered(ctx context.Context, id string) (client.Reply, error) {
	var last client.Reply
	err := client.Until(ctx, 60*time.Second, func() (err error) {
		if last, err = s.call(ctx, 200, "GET", "/workspaces/"+s.id+"/messages/"+id, nil); err != nil {
			return err
		}
		if last.Text("state") != "delivered" {
			return fmt.Errorf("message %s is %s (%s), not delivered", id, last.Text("state"), last.Text("reason"))
		}
		return nil
	})
	return last, err
}

func (s *story) healthy(ctx context.Context) error {
	line, err := s.boot(ctx)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "registered") {
		return fmt.Errorf("the agent did not register: %s", line)
	}
	s.say("•", "agent: %s", line)
	if _, err := s.awaitStatus(ctx, "online", "healthy"); err != nil {
		return err
	}
	s.say("✓", "status: online (healthy)")
	r, id, err := s.send(ctx, "are you there?")
	if err != nil {
		return err
	}
	s.say("•", `user: "are you there?" → %d, expected: %s`, r.Status, r.Text("expected"))
	got, err := s.awaitDelivered(ctx, id)
	if err != nil {
		return err
	}
	s.say("✓", "receipt: delivered; the agent answered %s", got.Text("answer", "result", "parts"))
	return nil
}

func (s *story) lost(ctx context.Context) error {
	s.stopAgent()
	if err := os.Remove(s.tokenFile()); err != nil {
		return err
	}
	s.say("•", "the volume with the token is gone")
	r, err := s.call(ctx, 200, "POST", "/workspaces", map[string]any{"id": s.id, "name": "example agent", "adopt": true, "delivery_mode": "poll"})
	if err != nil {
		return err
	}
	if mode := r.Text("delivery", "declared_mode"); mode != "poll" {
		return fmt.Errorf("the row's mode is %q, not poll", mode)
	}
	s.say("•", "an old installer leaves delivery_mode=poll on its row")
	for boot := 1; boot <= 3; boot++ {
		line, err := s.boot(ctx)
		if err != nil {
			return err
		}
		_ = s.cmd.Wait() // its exit code is looked at below
		code := s.cmd.ProcessState.ExitCode()
		s.cmd = nil
		if code != 3 || !strings.Contains(line, "HTTP 401") {
			return fmt.Errorf("boot %d ended with %d and said %q", boot, code, line)
		}
		short, _, _ := strings.Cut(line, "; then")
		s.say("•", "boot %d: %s", boot, short)
	}
	return nil
}

func (s *story) messages(ctx context.Context) error {
	for _, text := range []string{"first: please summarise the report", "second: and send it to Ana", "third: hello?"} {
		r, id, err := s.send(ctx, text)
		if err != nil {
			return err
		}
		s.messageIDs = append(s.messageIDs, id)
		s.say("•", `user: "%s" → %d, expected: %s, depth %s`, text, r.Status, r.Text("expected"), r.Text("queue_depth"))
		if r.Text("expected") != "nobody_is_listening" {
			return fmt.Errorf("the sender was told %q, not that nobody is listening", r.Text("expected"))
		}
	}
	s.say("✓", "each sender was told the truth at once: nobody is listening, and why")
	return nil
}

func (s *story) truth(ctx context.Context) error {
	r, err := s.awaitStatus(ctx, "degraded", "credentials_rejected")
	if err != nil {
		return err
	}
	if r.Text("action") != "repair" || !strings.Contains(r.Text("hint"), "/repair") {
		return fmt.Errorf("the hint does not say what mends it: %s", r.Raw)
	}
	s.say("✓", "status: degraded (credentials_rejected), since %s", r.Text("since"))
	s.say("✓", "hint: %s", r.Text("hint"))
	return nil
}

func (s *story) repair(ctx context.Context) error {
	r, err := s.call(ctx, 200, "POST", "/workspaces/"+s.id+"/repair", nil)
	if err != nil {
		return err
	}
	s.say("✓", "POST /workspaces/%s/repair → revoked %s, bootstrap open until %s", s.id, r.Text("revoked"), r.Text("bootstrap_until"))
	return nil
}

func (s *story) heal(ctx context.Context) error {
	line, err := s.boot(ctx)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "registered") || !strings.HasSuffix(line, "push") {
		return fmt.Errorf("the agent did not register as push: %s", line)
	}
	s.say("✓", "agent: %s (the stale poll is gone)", line)
	for i, id := range s.messageIDs {
		if _, err := s.awaitDelivered(ctx, id); err != nil {
			return err
		}
		s.say("✓", "receipt of message %d: delivered", i+1)
	}
	got, err := s.received()
	if err != nil {
		return err
	}
	if want := s.messageIDs; len(got) != len(want)+1 || strings.Join(got[1:], " ") != strings.Join(want, " ") {
		return fmt.Errorf("the agent received %v, not one and then %v", got, want)
	}
	s.say("✓", "the agent has all three, in order, once")
	r, err := s.awaitStatus(ctx, "online", "healthy")
	if err != nil {
		return err
	}
	s.say("✓", "status: online (healthy); accepted %s, delivered %s", r.Text("messages", "accepted"), r.Text("messages", "delivered"))
	return nil
}

// received is the agent's own journal: message ids in the order of arrival.
func (s *story) received() ([]string, error) {
	f, err := os.Open(s.journal())
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
