package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/registry"
)

// healthFor is how long the store's answer is taken for the platform's health.
const healthFor = 5 * time.Second

// health answers only when the store answers. It says when the last sweep ended,
// and is degraded when that is too long ago: nothing else would notice that agents
// fall silent and mail expires.
func health(reg *registry.Registry) func(context.Context, httpapi.Call, api.None) (api.Health, error) {
	var mu sync.Mutex
	var last registry.Health
	var until time.Time
	// read asks the store, unless it answered lately: anyone may call, as often as
	// they like.
	read := func(ctx context.Context, now time.Time) (registry.Health, error) {
		mu.Lock()
		defer mu.Unlock()
		if now.Before(until) {
			return last, nil
		}
		h, err := reg.Health(ctx, now)
		if err == nil {
			last, until = h, now.Add(healthFor)
		}
		return h, err
	}
	return func(ctx context.Context, c httpapi.Call, _ api.None) (api.Health, error) {
		h, err := read(ctx, c.Now)
		if err != nil {
			return api.Health{}, err
		}
		out := api.Health{Status: "ok", Sweeper: "no sweep yet", SweepEndedAt: h.SweepEndedAt}
		if !h.SweepEndedAt.IsZero() {
			ago := max(0, c.Now.Sub(h.SweepEndedAt)).Truncate(time.Second)
			out.Sweeper = fmt.Sprintf("the last sweep ended %s ago", ago)
		}
		if h.SweeperSilent {
			out.Status = "degraded"
			out.Hint = fmt.Sprintf("a sweep should end at least every %s: look at the log of the function sweeper and its "+
				"EventBridge rule; rollcall sweep sweeps now. Until then, changes that time alone brings are not announced, "+
				"and mail that is due does not expire", reg.Policy.OutageAfter)
		}
		return out, nil
	}
}
