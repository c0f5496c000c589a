package push

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/registry"
)

// eventTimeout is how long the receiver of a webhook may take for one event.
const eventTimeout = 10 * time.Second

// SendEvent implements webhook.Sender. The URL is guarded as an agent's is, and nothing of the answer is read but its
// status and what kind of text it is. Any 2xx takes the event.
func (p *Pusher) SendEvent(
	ctx context.Context, url, id string, at time.Time, secrets []string, body []byte,
) (status int, media string, err error) {
	ctx, cancel := context.WithTimeout(ctx, eventTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", errors.New("its url can't be called")
	}
	req.Header.Set("Content-Type", "application/json")
	if err := signBy(req, secrets, id, at, body); err != nil {
		return 0, "", err
	}
	resp, err := p.client.Do(req)
	if err != nil {
		why := strings.Replace(unreached(err).Why, "the agent", "it", 1)
		return 0, "", errors.New(chat.Clip(why, registry.MaxWhole))
	}
	defer resp.Body.Close()
	if !succeeded(resp) {
		return resp.StatusCode, "", fmt.Errorf("it answered HTTP %d", resp.StatusCode)
	}
	media, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return resp.StatusCode, media, nil
}
