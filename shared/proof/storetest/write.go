package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// writes is Ledger.WriteMessages.
func (c contract) writes(t T) {
	t.Run("it writes if the version that was seen is still stored", func(t T) {
		f, ms := c.withMail(t, 1)
		taken := take(ms[0], 1)
		must(t, c.write(t, ms[0], taken, delivery.MailboxUpdate{}))
		wantCode(t, c.write(t, ms[0], taken, delivery.MailboxUpdate{}), fault.Conflict)
		same(t, []chat.Message{taken}, c.stored(t, f.ID, "m0"))
		unknown := message(f.ID, "nope", 2, chat.Task)
		wantCode(t, c.write(t, unknown, take(unknown, 1), delivery.MailboxUpdate{}), fault.Conflict)
	})
	t.Run("all moves are written, or none", func(t T) {
		f, ms := c.withMail(t, 2)
		must(t, c.write(t, ms[1], take(ms[1], 1), delivery.MailboxUpdate{}))
		was := c.read(t, f.ID)
		err := c.WriteMessages(t.Context(), f.Life(), []chat.Move{
			{From: ms[0], To: ms[0].Expire(t0)}, {From: ms[1], To: ms[1].Expire(t0)},
		}, delivery.MailboxUpdate{DeliveredAt: t0, Outbox: []delivery.OutboxItem{{MessageID: "m0", Version: 2}}})
		wantCode(t, err, fault.Conflict)
		same(t, ms[:1], c.stored(t, f.ID, "m0"))
		same(t, was, c.read(t, f.ID))
		left, err := c.Outbox(t.Context(), f.Life())
		must(t, err)
		same(t, 0, len(left))
	})
	t.Run("counters move with messages", c.counted)
	t.Run("when the oldest open message was accepted must be what the mailbox says too", c.oldest)
	t.Run("each part of an update is noted, and nothing else changes", c.updates)
}

func (c contract) counted(t T) {
	f, ms := c.withMail(t, 5)
	dead := ms[3]
	dead.State, dead.Version = chat.Dead, 2
	cancelled, err := ms[2].Cancel("x", t0)
	must(t, err)
	must(t, c.WriteMessages(t.Context(), f.Life(), []chat.Move{
		{From: ms[0], To: take(ms[0], 1)},
		{From: ms[1], To: ms[1].Expire(t0)},
		{From: ms[2], To: cancelled},
		{From: ms[3], To: dead},
		{From: ms[4], To: ms[4].Deliver("ok", nil, "", t0)},
	}, delivery.MailboxUpdate{}))
	f.Counters = workspace.Counters{Accepted: 5, Open: 1, InFlight: 1, Delivered: 1, Expired: 1, Cancelled: 1, Dead: 1}
	same(t, f, c.read(t, f.ID))
	redriven, err := dead.Redrive(chat.DefaultPolicy(), t0)
	must(t, err)
	must(t, c.write(t, dead, redriven, delivery.MailboxUpdate{}))
	f.Open, f.Dead = 2, 0
	same(t, f, c.read(t, f.ID))
}

func (c contract) oldest(t T) {
	f, ms := c.withMail(t, 2)
	none, second := time.Time{}, t0.Add(2*time.Second)
	ended := []chat.Message{ms[0].Expire(t0), ms[1].Expire(t0)}
	wantCode(t, c.write(t, ms[0], ended[0], delivery.MailboxUpdate{OldestOpen: &none}), fault.Conflict)
	must(t, c.write(t, ms[0], ended[0], delivery.MailboxUpdate{OldestOpen: &second}))
	if g := c.read(t, f.ID); !g.OldestOpen.Equal(second) || g.Open != 1 {
		t.Fatalf("%+v", g)
	}
	wantCode(t, c.write(t, ms[1], ended[1], delivery.MailboxUpdate{OldestOpen: &second}), fault.Conflict)
	must(t, c.write(t, ms[1], ended[1], delivery.MailboxUpdate{OldestOpen: &none}))
	if g := c.read(t, f.ID); !g.OldestOpen.IsZero() || g.Open != 0 {
		t.Fatalf("%+v", g)
	}
	// Nothing is open, and a change of one that has ended opens nothing.
	again := ended[1]
	again.Version++
	wantCode(t, c.write(t, ended[1], again, delivery.MailboxUpdate{OldestOpen: &second}), fault.Conflict)
	must(t, c.write(t, ended[1], again, delivery.MailboxUpdate{OldestOpen: &none}))
}

// updated is an update, and what it does to the facts.
type updated struct {
	u  delivery.MailboxUpdate
	do func(*workspace.Facts)
}

// lostUpdates are updates of what is told to be lost.
func lostUpdates(at time.Time) []updated {
	return []updated{
		{
			delivery.MailboxUpdate{Lost: 2, LostAt: t0, LostWhy: "dead"},
			func(f *workspace.Facts) { f.LostMessages, f.LostAt, f.LostWhy = 2, t0, "dead" },
		},
		{delivery.MailboxUpdate{Lost: -1}, func(f *workspace.Facts) { f.LostMessages = 1 }},
		{
			delivery.MailboxUpdate{ForgetLost: true, Lost: 3, LostAt: at, LostWhy: "expired"},
			func(f *workspace.Facts) { f.LostMessages, f.LostAt, f.LostWhy = 3, at, "expired" },
		},
		{
			delivery.MailboxUpdate{Lost: -1, LostSeen: at, LostAt: t0, LostWhy: "dead"},
			func(f *workspace.Facts) { f.LostMessages, f.LostAt, f.LostWhy = 2, t0, "dead" },
		},
		{
			delivery.MailboxUpdate{Lost: -1, LostSeen: t0, LostAt: t0},
			func(f *workspace.Facts) { f.LostMessages, f.LostWhy = 1, "" },
		},
	}
}

// updates writes one update after another, each on top of the one before.
func (c contract) updates(t T) {
	f, ms := c.withMail(t, 1)
	m, at := ms[0], t0.Add(time.Minute)
	later := at.Add(time.Minute)
	epoch, none := int64(3), int64(0)
	for _, step := range slices.Concat(lostUpdates(at), []updated{
		{delivery.MailboxUpdate{}, func(*workspace.Facts) {}},
		{delivery.MailboxUpdate{ClaimedUntil: at}, func(f *workspace.Facts) { f.ClaimedUntil = at }},
		{delivery.MailboxUpdate{ClaimReleased: true}, func(f *workspace.Facts) { f.ClaimedUntil = time.Time{} }},
		{delivery.MailboxUpdate{Probe: &delivery.ProbeClaim{Next: at}}, func(f *workspace.Facts) { f.ProbedAt = at }},
		{
			delivery.MailboxUpdate{Probe: &delivery.ProbeClaim{Seen: at, Next: t0}},
			func(f *workspace.Facts) { f.ProbedAt = t0 },
		},
		{
			delivery.MailboxUpdate{Probe: &delivery.ProbeClaim{Seen: t0}},
			func(f *workspace.Facts) { f.ProbedAt = time.Time{} },
		},
		{delivery.MailboxUpdate{FetchedAt: t0}, func(f *workspace.Facts) { f.FetchedSince = t0 }},
		{delivery.MailboxUpdate{FetchedAt: at}, func(*workspace.Facts) {}},
		{
			delivery.MailboxUpdate{DeliveredAt: t0, FetchedAt: later},
			func(f *workspace.Facts) { f.DeliveredAt, f.FetchedSince = t0, later },
		},
		{
			delivery.MailboxUpdate{DeliveredAt: at},
			func(f *workspace.Facts) { f.DeliveredAt, f.FetchedSince = at, time.Time{} },
		},
		{delivery.MailboxUpdate{AcksEpoch: &epoch}, func(f *workspace.Facts) { f.AcksEpoch = epoch }},
		{delivery.MailboxUpdate{AcksEpoch: &none}, func(f *workspace.Facts) { f.AcksEpoch = 0 }},
		{delivery.MailboxUpdate{HandedAt: at}, func(f *workspace.Facts) { f.HandedAt, f.FetchedHosts = at, 1 }},
		{delivery.MailboxUpdate{HandedAt: later}, func(f *workspace.Facts) { f.HandedAt, f.FetchedHosts = later, 2 }},
		{
			delivery.MailboxUpdate{DeliveredAt: later, HandedAt: later},
			func(f *workspace.Facts) { f.DeliveredAt, f.FetchedHosts = later, 1 },
		},
		{
			delivery.MailboxUpdate{DeliveredAt: later},
			func(f *workspace.Facts) { f.FetchedHosts = 0 },
		},
		{delivery.MailboxUpdate{UndeliveredAt: at}, func(f *workspace.Facts) { f.UndeliveredAt = at }},
		{
			delivery.MailboxUpdate{Standing: &workspace.Standing{StandsAs: "online/busy", StandsSince: t0, StandsChanges: 2}},
			func(f *workspace.Facts) { f.StandsAs, f.StandsSince, f.StandsChanges = "online/busy", t0, 2 },
		},
		{
			delivery.MailboxUpdate{Standing: &workspace.Standing{StandsAs: "online/busy", StandsSince: at}},
			func(f *workspace.Facts) { f.StandsAs, f.StandsSince, f.StandsChanges = "online/busy", at, 0 },
		},
	}, pushUpdates(), pushCounts()) {
		next := m
		next.Version++
		must(t, c.write(t, m, next, step.u))
		m = next
		step.do(&f)
		same(t, f, c.read(t, f.ID))
	}
}

// pushCounts are updates by pushes that begin and end, each on top of the one before.
func pushCounts() []updated {
	even, odd := workspace.PushesEven, workspace.PushesOdd
	began := t0.Add(time.Hour)
	begins := func(c workspace.PushCount, do func(*workspace.Facts)) updated {
		return updated{
			delivery.MailboxUpdate{PushBegins: &c, Push: &delivery.PushUpdate{TriedAt: began}},
			func(f *workspace.Facts) { f.TriedAt = began; do(f) },
		}
	}
	ends := func(c workspace.PushCounter, do func(*workspace.Facts)) updated {
		return updated{delivery.MailboxUpdate{PushEnded: c}, do}
	}
	both := []workspace.PushCounter{even, odd}
	return []updated{
		begins(workspace.PushCount{Counter: even, Most: 1, ByPriority: true}, func(f *workspace.Facts) {
			f.PushesEven, f.PriorityHadTurn = 1, true
		}),
		begins(workspace.PushCount{Counter: even, Most: 2}, func(f *workspace.Facts) {
			f.PushesEven, f.PriorityHadTurn = 2, false
		}),
		begins(workspace.PushCount{Counter: odd, Most: 1}, func(f *workspace.Facts) { f.PushesOdd = 1 }),
		ends(even, func(f *workspace.Facts) { f.PushesEven = 1 }),
		begins(workspace.PushCount{Counter: odd, Forget: both[:1], Seen: began}, func(f *workspace.Facts) {
			f.PushesEven, f.PushesOdd = 0, 2
		}),
		begins(workspace.PushCount{Counter: odd, Forget: both[1:], Seen: began}, func(f *workspace.Facts) {
			f.PushesOdd = 1
		}),
		ends(even, func(f *workspace.Facts) { f.PushesEven = -1 }),
		begins(workspace.PushCount{Counter: even, Forget: both, Seen: began}, func(f *workspace.Facts) {
			f.PushesEven, f.PushesOdd = 1, 0
		}),
		ends(even, func(f *workspace.Facts) { f.PushesEven = 0 }),
	}
}

// pushUpdates are the updates by what hand-overs show, each on top of the one before.
func pushUpdates() []updated {
	at := t0.Add(time.Minute)
	later := at.Add(time.Minute)
	push := func(u delivery.PushUpdate, do func(*workspace.Facts)) updated {
		return updated{delivery.MailboxUpdate{Push: &u}, do}
	}
	return []updated{
		push(delivery.PushUpdate{TriedAt: at}, func(f *workspace.Facts) { f.TriedAt = at }),
		push(delivery.PushUpdate{FailedAt: t0, Error: "x", Fault: "refused", RestUntil: at}, func(f *workspace.Facts) {
			f.PushFailures, f.PushFailingSince, f.PushFailedAt, f.PushError = 1, t0, t0, "x"
			f.PushFault, f.RestUntil = "refused", at
		}),
		push(delivery.PushUpdate{FailedAt: at, Error: "y", Fault: "timeout", Degraded: true}, func(f *workspace.Facts) {
			f.PushFailures, f.PushFailedAt, f.PushError, f.PushFault, f.PushDegradedAt = 2, at, "y", "timeout", at
		}),
		push(delivery.PushUpdate{ProbePushedAt: at, ProbePassed: true, ReachedAt: at}, func(f *workspace.Facts) {
			f.ProbePushedAt, f.ProbePassed, f.ReachedAt = at, true, at
		}),
		push(delivery.PushUpdate{FailedAt: later, Error: "y", Fault: "timeout", Degraded: true}, func(f *workspace.Facts) {
			f.PushFailures, f.PushFailedAt, f.ProbePushedAt, f.ProbePassed = 3, later, time.Time{}, false
		}),
		push(delivery.PushUpdate{
			FailedAt: later, Error: "z", Fault: "timeout", ProbePushedAt: later,
		}, func(f *workspace.Facts) {
			f.PushFailures, f.PushError, f.ProbePushedAt = 4, "z", later
		}),
		push(delivery.PushUpdate{ProbePushedAt: later, ProbePassed: true}, func(f *workspace.Facts) {
			f.ProbePassed = true
		}),
		{delivery.MailboxUpdate{BlameEnds: true}, func(f *workspace.Facts) {
			f.PushError, f.PushFault = workspace.BlameEnded, workspace.FaultBroken
		}},
		push(delivery.PushUpdate{BusyAt: t0, ProbePushedAt: at}, func(f *workspace.Facts) {
			f.BusyAnswers, f.BusySince, f.ProbePushedAt, f.ProbePassed = 1, t0, at, false
		}),
		push(delivery.PushUpdate{BusyAt: at, RestUntil: later}, func(f *workspace.Facts) {
			f.BusyAnswers, f.RestUntil = 2, later
		}),
		push(delivery.PushUpdate{AsideUntil: later}, func(f *workspace.Facts) { f.AsideUntil = later }),
		push(delivery.PushUpdate{Succeeded: true, ReachedAt: at, PassedAt: t0}, func(f *workspace.Facts) {
			f.PushTrouble, f.ReachedAt, f.PassedAt = workspace.PushTrouble{}, at, t0
		}),
		push(delivery.PushUpdate{BusyAt: at, Degraded: true}, func(f *workspace.Facts) {
			f.BusyAnswers, f.BusySince, f.PushDegradedAt = 1, at, at
		}),
		push(delivery.PushUpdate{AnswerFailedAt: t0, AnswerError: "x"}, func(f *workspace.Facts) {
			f.AnswerFailures, f.AnswersFailingSince, f.AnswerFailedAt, f.AnswerError = 1, t0, t0, "x"
		}),
		push(delivery.PushUpdate{AnswerFailedAt: at, AnswerError: "y", Degraded: true}, func(f *workspace.Facts) {
			f.AnswerFailures, f.AnswerFailedAt, f.AnswerError, f.AnswersDegradedAt = 2, at, "y", at
		}),
		push(delivery.PushUpdate{AnswerFailedAt: later, AnswerError: "y", Degraded: true}, func(f *workspace.Facts) {
			f.AnswerFailures, f.AnswerFailedAt = 3, later
		}),
		push(delivery.PushUpdate{AnswerSucceeded: true}, func(f *workspace.Facts) {
			f.AnswerTrouble = workspace.AnswerTrouble{}
		}),
		push(delivery.PushUpdate{AnswerFailedAt: t0, AnswerError: "x", Degraded: true}, func(f *workspace.Facts) {
			f.AnswerTrouble = workspace.AnswerTrouble{
				AnswerFailures: 1, AnswersFailingSince: t0, AnswerFailedAt: t0, AnswersDegradedAt: t0, AnswerError: "x",
			}
		}),
		{delivery.MailboxUpdate{Unacknowledged: new("t 2 m1")}, func(f *workspace.Facts) {
			f.AnswerTrouble = workspace.AnswerTrouble{AnswerError: "t 2 m1"}
		}},
		{delivery.MailboxUpdate{Unacknowledged: new("")}, func(f *workspace.Facts) {
			f.AnswerTrouble = workspace.AnswerTrouble{}
		}},
	}
}

// hosts is MailboxUpdate.Host and MailboxUpdate.RequireNoHold.
func (c contract) hosts(t T) {
	t.Run("a write for a host is refused once another has registered", func(t T) {
		f, ms := c.withMail(t, 1)
		m, taken := ms[0], take(ms[0], f.Epoch)
		f = c.change(t, f.ID, func(f *workspace.Facts) { f.URLFingerprint, f.Pushable = "u1", true })
		old := delivery.MailboxUpdate{Host: delivery.HostOf(f)}
		c.change(t, f.ID, func(f *workspace.Facts) { f.URLFingerprint, f.Pushable = "", false }) // its URL has ended
		wantCode(t, c.write(t, m, taken, old), fault.Conflict)
		c.change(t, f.ID, func(f *workspace.Facts) { f.Epoch, f.Pushable = f.Epoch+1, false }) // one that polls
		wantCode(t, c.write(t, m, taken, old), fault.Conflict)
		c.change(t, f.ID, func(f *workspace.Facts) { f.Pushable = true })
		c.change(t, f.ID, func(f *workspace.Facts) { f.Epoch, f.URLFingerprint = f.Epoch+1, "u2" })
		wantCode(t, c.write(t, m, taken, old), fault.Conflict)
		c.change(t, f.ID, func(f *workspace.Facts) { f.Epoch, f.URLFingerprint = f.Epoch+1, "u1" }) // the same host
		boot := *old.Host
		boot.Boot = true
		wantCode(t, c.write(t, m, taken, delivery.MailboxUpdate{Host: &boot}), fault.Conflict) // and another boot of it
		must(t, c.write(t, m, taken, old))
	})
	t.Run("a write for a workspace without a hold is refused once it has one", func(t T) {
		f, ms := c.withMail(t, 1)
		unheld := delivery.MailboxUpdate{RequireNoHold: true}
		for _, hold := range []workspace.Hold{workspace.Paused, workspace.Removed} {
			c.change(t, f.ID, func(f *workspace.Facts) { f.Hold = hold })
			wantCode(t, c.write(t, ms[0], take(ms[0], 1), unheld), fault.Conflict)
		}
		c.change(t, f.ID, func(f *workspace.Facts) { f.Hold = workspace.NoHold })
		must(t, c.write(t, ms[0], take(ms[0], 1), unheld))
	})
	t.Run("what is told of lost mail is refused once more was lost", func(t T) {
		_, ms := c.withMail(t, 1)
		lost, later := ms[0], delivery.MailboxUpdate{Lost: 1, LostAt: t0.Add(time.Second), LostWhy: "expired"}
		next := lost.Expire(t0)
		must(t, c.write(t, lost, next, later))
		again, err := next.Redrive(chat.DefaultPolicy(), t0)
		must(t, err)
		seen := delivery.MailboxUpdate{Lost: -1, LostSeen: t0, LostAt: t0, LostWhy: "dead"}
		wantCode(t, c.write(t, next, again, seen), fault.Conflict)
		seen.LostSeen = later.LostAt
		must(t, c.write(t, next, again, seen))
	})
	t.Run("a probe is claimed once", func(t T) {
		f := c.created(t)
		at := t0.Add(time.Minute)
		claim := func(seen, next time.Time) error {
			u := delivery.MailboxUpdate{Probe: &delivery.ProbeClaim{Seen: seen, Next: next}}
			return c.WriteMessages(t.Context(), f.Life(), nil, u)
		}
		wantCode(t, claim(t0, at), fault.Conflict)
		must(t, claim(time.Time{}, at))
		wantCode(t, claim(time.Time{}, at), fault.Conflict)
		wantCode(t, claim(t0, time.Time{}), fault.Conflict)
		f.ProbedAt = at
		same(t, f, c.read(t, f.ID))
		must(t, claim(at, time.Time{}))
		f.ProbedAt = time.Time{}
		same(t, f, c.read(t, f.ID))
	})
	t.Run("the conditions hold although no counter moves", func(t T) {
		f, ms := c.withMail(t, 1)
		taken := take(ms[0], 1)
		must(t, c.write(t, ms[0], taken, delivery.MailboxUpdate{}))
		again := taken.Take(chat.ByPush, taken.Claim, chat.DefaultPolicy(), t0, t0.Add(time.Hour))
		host := delivery.MailboxUpdate{Host: delivery.HostOf(f)}
		c.change(t, f.ID, func(f *workspace.Facts) { f.Epoch++ })
		wantCode(t, c.write(t, taken, again, host), fault.Conflict)
		c.change(t, f.ID, func(f *workspace.Facts) { f.Hold = workspace.Paused })
		wantCode(t, c.write(t, taken, again, delivery.MailboxUpdate{RequireNoHold: true}), fault.Conflict)
	})
	t.Run("epoch 0 is a host like another", func(t T) {
		f, ms := c.withMail(t, 1)
		f = c.change(t, f.ID, func(f *workspace.Facts) { f.Epoch = 0 })
		must(t, c.write(t, ms[0], take(ms[0], 0), delivery.MailboxUpdate{Host: delivery.HostOf(f)}))
	})
}

// pushes are the conditions of MailboxUpdate.PushBegins.
func (c contract) pushes(t T) {
	f := c.created(t)
	begin := func(p workspace.PushCount, at time.Time) error {
		u := delivery.MailboxUpdate{PushBegins: &p, Push: &delivery.PushUpdate{TriedAt: at}}
		return c.WriteMessages(t.Context(), f.Life(), nil, u)
	}
	t.Run("no more begin than may be under way", func(t T) {
		few := workspace.PushCount{Counter: workspace.PushesEven, Most: 2}
		must(t, begin(few, t0))
		must(t, begin(few, t0))
		wantCode(t, begin(few, t0.Add(time.Second)), fault.Conflict)
		f.PushesEven, f.TriedAt = 2, t0
		same(t, f, c.read(t, f.ID))
	})
	t.Run("none is forgotten once another has begun", func(t T) {
		forget := workspace.PushCount{
			Counter: workspace.PushesOdd, Most: 2, Forget: []workspace.PushCounter{workspace.PushesEven},
		}
		at := t0.Add(time.Minute)
		wantCode(t, begin(forget, at), fault.Conflict) // it saw that none had
		forget.Seen = t0
		must(t, begin(forget, at))
		wantCode(t, begin(forget, at), fault.Conflict)
		f.PushesEven, f.PushesOdd, f.TriedAt = 0, 1, at
		same(t, f, c.read(t, f.ID))
	})
	t.Run("one where none was tried", func(t T) {
		f = c.created(t)
		must(t, begin(workspace.PushCount{Counter: workspace.PushesOdd, Forget: []workspace.PushCounter{
			workspace.PushesOdd, workspace.PushesEven,
		}}, t0))
		f.PushesOdd, f.TriedAt = 1, t0
		same(t, f, c.read(t, f.ID))
	})
}

// limits is how much Ledger.WriteMessages takes: as much as one transaction.
func (c contract) limits(t T) {
	t.Run("an update alone", func(t T) {
		f, _ := c.withMail(t, 1)
		must(t, c.WriteMessages(t.Context(), f.Life(), nil, delivery.MailboxUpdate{}))
		reached := delivery.MailboxUpdate{Push: &delivery.PushUpdate{ReachedAt: t0}}
		must(t, c.WriteMessages(t.Context(), f.Life(), nil, reached))
		f.ReachedAt = t0
		same(t, f, c.read(t, f.ID))
		gone := delivery.MailboxUpdate{Host: &delivery.Host{Epoch: f.Epoch + 1}, UndeliveredAt: t0}
		wantCode(t, c.WriteMessages(t.Context(), f.Life(), nil, gone), fault.Conflict)
		same(t, f, c.read(t, f.ID))
	})
	t.Run("at most MaxMoves", func(t T) {
		f, ms := c.withMail(t, delivery.MaxMoves+1)
		var moves []chat.Move
		var left []delivery.OutboxItem
		for _, m := range ms {
			to := m.Expire(t0)
			moves = append(moves, chat.Move{From: m, To: to})
			left = append(left, delivery.OutboxItem{MessageID: m.ID, Version: to.Version})
		}
		if err := c.WriteMessages(t.Context(), f.Life(), moves, delivery.MailboxUpdate{DeliveredAt: t0}); err == nil {
			t.Fatalf("%d moves were taken", len(moves))
		}
		same(t, f, c.read(t, f.ID))
		none := delivery.MailboxUpdate{Outbox: left[:delivery.MaxMoves]}
		must(t, c.WriteMessages(t.Context(), f.Life(), moves[:delivery.MaxMoves], none))
		if g := c.read(t, f.ID); g.Open != 1 || g.OutboxItems != delivery.MaxMoves {
			t.Fatalf("%+v", g)
		}
	})
	t.Run("a message once", func(t T) {
		f, ms := c.withMail(t, 1)
		twice := []chat.Move{{From: ms[0], To: take(ms[0], 1)}, {From: ms[0], To: ms[0].Expire(t0)}}
		// DynamoDB refuses two writes of one item. DynamoDB Local makes a conflict of it.
		if err := c.WriteMessages(t.Context(), f.Life(), twice, delivery.MailboxUpdate{}); err == nil {
			t.Fatal("both were written")
		}
		same(t, f, c.read(t, f.ID))
		same(t, ms, c.stored(t, f.ID, "m0"))
	})
	// What is too large is no fault of the store, which would be tried again as it is.
	t.Run("an item of at most 400 KB", func(t T) {
		f, ms := c.withMail(t, 1)
		to := ms[0].Deliver("ok", nil, "", t0)
		to.Answer = fmt.Appendf(nil, `"%0410000d"`, 0)
		wantCode(t, c.write(t, ms[0], to, delivery.MailboxUpdate{}), fault.Internal)
		same(t, f, c.read(t, f.ID))
		same(t, ms, c.stored(t, f.ID, "m0"))
	})
	t.Run("answers of more than 4 MB together, as they are apart", func(t T) {
		f, ms := c.withMail(t, 12)
		var moves []chat.Move
		for _, m := range ms {
			to := m.Deliver("ok", nil, "", t0)
			to.Answer = fmt.Appendf(nil, `"%0380000d"`, 0)
			moves = append(moves, chat.Move{From: m, To: to})
		}
		err := c.WriteMessages(t.Context(), f.Life(), moves, delivery.MailboxUpdate{})
		must(t, err)
		got := c.stored(t, f.ID, "m0", "m11")
		same(t, string(moves[0].To.Answer), string(got[0].Answer))
		same(t, string(moves[11].To.Answer), string(got[1].Answer))
	})
}
