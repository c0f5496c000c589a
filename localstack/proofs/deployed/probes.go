package deployed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// probeEvery is the time between two probes.
const probeEvery = 2 * time.Second

// objective is how long a probe may take: the default of ROLLCALL_DELIVERY_OBJECTIVE.
const objective = time.Minute

// Probes sends a message every two seconds, for as long as it is told, and holds each to
// the delivery objective. A canary moves meanwhile, or an old instance ends: nobody may
// notice.
func Probes(ctx context.Context, p Platform, lasts time.Duration, out io.Writer) error {
	w, err := p.newWorkspace("probes")
	if err != nil {
		return err
	}
	defer w.close(ctx)
	if err := errors.Join(w.serves(ctx), w.create(ctx), w.start(), w.is(ctx, "online", "healthy")); err != nil {
		return err
	}
	var took []time.Duration
	next := time.NewTicker(probeEvery)
	defer next.Stop()
	for end := time.Now().Add(lasts); len(took) == 0 || time.Now().Before(end); {
		d, err := w.probe(ctx)
		if err != nil {
			return fmt.Errorf("probe %d: %w", len(took)+1, err)
		}
		took = append(took, d)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-next.C:
		}
	}
	slices.Sort(took)
	fmt.Fprintf(out, "  ok    %d probes arrived: half of them within %s, the slowest in %s\n",
		len(took), took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	return w.is(ctx, "online", "healthy")
}

// probe sends one message, and returns how long it took to be delivered.
func (w *workspace) probe(ctx context.Context) (time.Duration, error) {
	id, began := uuid.NewString(), time.Now()
	r, err := w.Do(ctx, http.MethodPost, "/workspaces/"+w.id+"/a2a", w.OperatorToken, client.Message(id, "probe"))
	if err == nil && r.Status != http.StatusOK {
		err = fmt.Errorf("sending answers %d: %.300s", r.Status, r.Raw)
	}
	if err != nil {
		return 0, err
	}
	err = client.Until(ctx, objective, func() error {
		r, err := w.get(ctx, "/workspaces/"+w.id+"/messages/"+id)
		if err == nil && r.Text("state") != "delivered" {
			err = fmt.Errorf("the message is %s", r.Text("state"))
		}
		return err
	})
	return time.Since(began), err
}
