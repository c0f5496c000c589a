package chaos

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// settle ends the faults, waits until every message is in its final state, and reports
// the outcome.
func (c *campaign) settle(ctx context.Context) error {
	c.Injector.Arm(0)
	for _, a := range c.agents {
		a.mu.Lock()
		a.wellBehaved = true
		a.mu.Unlock()
	}
	start := time.Now()
	var open []string
	redriven, settled := 0, map[string]bool{}
	err := client.Until(ctx, Bound, func() error {
		var again int
		var err error
		open, again, err = c.openMail(ctx)
		redriven += again
		if err != nil {
			return err
		}
		// Receipts are read one by one only when nothing seems open, or time runs out.
		if len(open) == 0 || time.Since(start) >= Bound*9/10 {
			unsettled, err := c.readReceipts(ctx, settled)
			if err != nil {
				return err
			}
			if len(unsettled) > 0 {
				open = unsettled // the same mail in more detail
			}
		}
		if len(open) > 0 {
			return fmt.Errorf("%d are open: %v", len(open), open[:min(3, len(open))])
		}
		return nil
	})
	if err != nil && len(open) == 0 {
		return err // the platform does not even answer
	}
	fmt.Fprintf(c.Out, "settled %.0f s after the last fault; %d had used up their attempts and were redriven\n",
		time.Since(start).Seconds(), redriven)
	return errors.Join(c.report(ctx, len(open), err), ctx.Err())
}

// openMail lists the workspaces that have mail in no final state. A message whose sender
// never got an answer counts as well. Dead letters, whose five deliverers were killed
// one after the other, are redriven as an operator would do.
func (c *campaign) openMail(ctx context.Context) (open []string, redriven int, err error) {
	for _, a := range c.agents {
		v, err := c.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
		if err != nil {
			return nil, redriven, err
		}
		for _, state := range []string{"queued", "in_flight", "dead"} {
			if n := v.Text("messages", state); n != "0" {
				open = append(open, fmt.Sprintf("%s has %s %s", a.id, n, state))
			}
		}
		if v.Text("messages", "dead") == "0" {
			continue
		}
		r, err := c.Do(ctx, "POST", "/workspaces/"+a.id+"/redrive", c.OperatorToken, nil)
		if err != nil {
			return nil, redriven, err
		}
		messages, _ := r.Body["messages"].([]any)
		redriven += len(messages)
	}
	return open, redriven, nil
}

// readReceipts reads the receipt of every message that is not settled yet, and returns
// what is wrong with them.
func (c *campaign) readReceipts(ctx context.Context, settled map[string]bool) (unsettled []string, err error) {
	for _, m := range c.sent {
		if settled[m.id] {
			continue
		}
		r, err := c.Do(ctx, "GET", m.path(), c.OperatorToken, nil)
		if err != nil {
			return nil, err
		}
		wrong := c.checkReceipt(m, r)
		if settled[m.id] = wrong == ""; wrong != "" {
			unsettled = append(unsettled, wrong)
		}
	}
	return unsettled, nil
}

// checkReceipt says what is wrong with a message's receipt; "" if it is in its final
// state.
func (c *campaign) checkReceipt(m *sentMessage, r client.Reply) string {
	switch state := r.Text("state"); {
	case state != m.end:
		return fmt.Sprintf("%s is %s (%s), not %s", m.id, state, r.Text("reason"), m.end)
	case r.Text("reason") == "":
		return m.id + " doesn't say why it is " + state
	case m.callback && !c.callbacks.received(m.id, state):
		return fmt.Sprintf("no callback reported the end of %s: %v", m.id, r.Body["callback"])
	}
	return ""
}

// outcome counts what became of the messages.
type outcome struct {
	due        int // messages that had to arrive
	delivered  int
	lost       int
	duplicated int // arrived under two ids
	disordered int
	cancelled  int // on purpose
	expired    int // on purpose
	late       int // arrived although they were cancelled or had expired
}

func (o outcome) failures() int { return o.lost + o.duplicated + o.disordered + o.late }

// report compares what was accepted with what arrived and with what the platform says,
// and prints the outcome. stuck is how many are open; failed says why the campaign has
// failed already.
func (c *campaign) report(ctx context.Context, stuck int, failed error) error {
	o, err := c.countArrivals(ctx, stuck)
	if err != nil {
		return err
	}
	c.countEnds(&o)
	o.lost = max(0, o.lost-stuck) // a stuck message is not lost yet
	o.due = len(c.sent) - o.cancelled - o.expired
	fmt.Fprintf(c.Out, "  out of order: %d\n", o.disordered)
	fmt.Fprintf(c.Out, "  %d were accepted: %d to arrive, and on purpose %d to be cancelled and %d to expire; "+
		"of these %d were taken; %d callbacks arrived\n",
		len(c.sent), o.due, o.cancelled, o.expired, o.late, c.callbacks.count())
	if o.failures()+stuck > 0 || failed != nil {
		fmt.Fprintf(c.Out, "to repeat it: make chaos SEED=%d FAULTS=%d\n", c.Seed, c.Faults)
		failed = errors.Join(errors.New("the campaign failed"), failed)
	}
	fmt.Fprintf(c.Out, "faults=%d accepted=%d delivered=%d lost=%d duplicated=%d stuck=%d\n",
		c.Injector.Made(), o.due, o.delivered, o.lost, o.duplicated, stuck)
	return failed
}

// countArrivals counts by agent, and prints a line for each.
func (c *campaign) countArrivals(ctx context.Context, stuck int) (o outcome, err error) {
	for _, a := range c.agents {
		o.duplicated += len(a.received.underTwoIDs)
		if a.slots == 1 { // an agent that takes two tasks at a time may get them in another order
			o.disordered += a.received.disordered(c.priorities(a))
		}
		v, err := c.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
		if err != nil {
			return o, err
		}
		again := 0
		for _, n := range a.received.times {
			again += n - 1
		}
		fmt.Fprintf(c.Out, "  %-20s accepted %s, delivered %s, took %d, %d of them again; %s (%s)\n",
			a.name, v.Text("messages", "accepted"), v.Text("messages", "delivered"),
			len(a.received.order), again, v.Text("status"), v.Text("reason"))
		if stuck > 0 {
			fmt.Fprintf(c.Out, "    it polls: %t; %v, %v, last heartbeat %s\n",
				a.polls, v.Body["delivery"], v.Body["inbox"], v.Text("last_heartbeat_at"))
		}
	}
	return o, nil
}

// countEnds counts by message, and prints a line for each that ended wrongly.
func (c *campaign) countEnds(o *outcome) {
	byID := map[string]*agent{}
	for _, a := range c.agents {
		byID[a.id] = a
	}
	for _, m := range c.sent {
		received := byID[m.workspace].received
		late := false
		switch m.end {
		case "cancelled":
			o.cancelled++
			late = !m.inFlight && received.after(m.id, m.cancelled)
		case "expired":
			o.expired++
			late = received.has(*m)
		default:
			if received.has(*m) {
				o.delivered++
			} else {
				o.lost++
				fmt.Fprintf(c.Out, "  never arrived: %s\n", m.id)
			}
		}
		if late {
			o.late++
			fmt.Fprintf(c.Out, "  taken although %s: %s\n", m.end, m.id)
		}
	}
}

// disordered counts the messages that first arrived after a message of the same priority
// that was sent later. A message that used up its attempts and was redriven is late by
// design; the campaign prints how many were redriven.
func (r *received) disordered(priority map[string]int) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, last := 0, map[int]int{}
	for _, id := range r.order {
		number, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
		if err != nil {
			continue // a message of pauseRound, which has no number
		}
		if p := priority[id]; number < last[p] {
			n++
		} else {
			last[p] = number
		}
	}
	return n
}
