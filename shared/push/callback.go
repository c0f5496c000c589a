package push

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// callbackTimeout is how long one callback may take.
const callbackTimeout = 10 * time.Second

// Tell implements delivery.Callbacks: it posts how a message ended to its sender's
// URL. The URL is guarded as an agent's is. Any 2xx confirms it.
func (p *Pusher) Tell(ctx context.Context, to delivery.Target, m chat.Message) error {
	body, err := chat.Marshal(map[string]any{
		"workspace_id": m.Workspace,
		"message_id":   m.ID,
		"state":        m.State,
		"reason":       m.Reason,
		"settled_at":   m.SettledAt,
		"attempts":     attemptsOf(m),
		"task_state":   m.TaskState(),
		"task_error":   m.TaskError(),
		"answer_text":  m.AnswerText(),
		"answer":       m.Answer,
	})
	if err != nil {
		return err
	}
	body = chat.TameNumbers(body)
	ctx, cancel := context.WithTimeout(ctx, callbackTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	key := callbackKey(m)
	req.Header.Set("Idempotency-Key", key)
	req.Header.Set("X-Rollcall-Message-Id", m.ID)
	if err := sign(req, to, key, body); err != nil {
		return err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		failed := unreached(err)
		if failed.Fault == workspace.FaultTimeout {
			failed.Why = "it did not answer in time"
		}
		return &delivery.UnreachedError{Why: failed.Why}
	}
	defer resp.Body.Close()
	if !succeeded(resp) {
		return fmt.Errorf("it answered HTTP %d", resp.StatusCode)
	}
	return nil
}

// attempt is a try at delivery as a receipt has it.
type attempt struct {
	chat.Attempt
	Text string `json:"text"` // the outcome in plain words
}

func attemptsOf(m chat.Message) []attempt {
	out := make([]attempt, 0, len(m.Attempts))
	for _, a := range m.ForSender() {
		out = append(out, attempt{a, a.Words()})
	}
	return out
}

// callbackKey names one end of a message: it is the same for each try to tell it, and another one for the end of the
// message after a redrive.
func callbackKey(m chat.Message) string {
	return fmt.Sprintf("%s-%s-%d", m.ID, m.State, m.SettledAt.UnixMilli())
}
