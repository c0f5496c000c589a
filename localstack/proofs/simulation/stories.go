package simulation

import "time"

// Story is what happens to a fleet.
type Story struct {
	Name   string
	Does   string // in words, for the table
	events func(Config) []event
}

type event struct {
	at time.Duration
	do func(*run)
}

// Stories are all stories, in the order of the table.
var Stories = []Story{
	{"steady", "nothing", func(Config) []event { return nil }},
	{"outage", "the platform takes no call for ten minutes", func(Config) []event {
		return []event{
			{Trouble, func(r *run) { r.gate.down = true }},
			{Trouble + 10*time.Minute, func(r *run) { r.gate.down = false }},
		}
	}},
	{"zone", "a third of the hosts is lost for five minutes, and boots within ten seconds", func(Config) []event {
		return []event{
			{Trouble, func(r *run) { r.third(r.lose) }},
			{Trouble + 5*time.Minute, func(r *run) {
				r.third(func(i int32) {
					r.in(time.Duration(r.rand.Float64()*float64(10*time.Second)), func() { r.boot(i) })
				})
			}},
		}
	}},
	{"storm", "a hundredth of the agents is sent ten messages each within a minute", func(c Config) (out []event) {
		hit := max(1, c.Agents/100)
		for n := range 10 * hit {
			at := Trouble + time.Duration(n)*time.Minute/time.Duration(10*hit)
			out = append(out, event{at, func(r *run) { r.send(int32(n % hit * (c.Agents / hit))) }})
		}
		return out
	}},
	{"hung", "a hundred agents take what is pushed for fifteen minutes, and do not answer", func(c Config) (out []event) {
		hang := func(hangs bool) func(*run) {
			return func(r *run) {
				for i := range min(100, c.Agents/10) {
					a := &r.agents[r.pushed(i)]
					a.hangs, a.troubled = hangs, true
				}
			}
		}
		out = append(out, event{Trouble, hang(true)}, event{Trouble + 15*time.Minute, hang(false)})
		for minute := range 10 {
			out = append(out, event{Trouble + time.Duration(minute)*time.Minute, func(r *run) {
				for i := range min(100, c.Agents/10) {
					r.send(r.pushed(i))
				}
			}})
		}
		return out
	}},
}

// third does something with each third agent.
func (r *run) third(do func(int32)) {
	for i := 0; i < r.Agents; i += 3 {
		do(int32(i))
	}
}

// pushed is the n-th agent that is pushed to.
func (r *run) pushed(n int) int32 {
	for i := range r.agents {
		if !r.agents[i].polls {
			if n == 0 {
				return int32(i)
			}
			n--
		}
	}
	return 0
}
