package delivery_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

// epochPoller is a client that polls with its epoch, and registers again when it is told that it was superseded.
type epochPoller struct {
	*world.World
	epoch int64
	beats bool // it sends heartbeats, too
}

func (s *epochPoller) boot() { s.epoch = register(s.World, workspace.Poll, "").Epoch }

// turn is one poll, and what comes of it.
func (s *epochPoller) turn() {
	s.T.Helper()
	_, _, err := poll(s.World, delivery.PollRequest{Epoch: s.epoch})
	if fault.CodeOf(err) == fault.EpochSuperseded {
		s.boot()
	} else {
		s.NoError(err)
	}
	if s.beats {
		_, err := s.Registry.Signal(s.T.Context(), world.ID, s.Token, workspace.Signal{
			Kind: workspace.SignalHeartbeat, From: world.Home, Instance: workspace.OfEpoch(s.epoch),
		}, s.Now)
		s.NoError(err)
	}
}

// Two supervised clients that supersede each other in turn are told, without a break, until one of them stops. They
// poll from one address, and say no more than their epochs.
func TestTwoThatSupersedeEachOtherInTurnAreTold(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		beats := rapid.Bool().Draw(rt, "they send heartbeats")
		pair := []*epochPoller{{World: w, beats: beats}, {World: w, beats: beats}}
		pace := time.Duration(rapid.IntRange(2, 30).Draw(rt, "seconds between their polls")) * time.Second
		pair[0].boot()
		pair[1].boot()
		for i := range 30 {
			w.Now = w.Now.Add(pace)
			pair[i%2].turn()
			if v := w.Verdict(); i >= 2 && v.Reason != workspace.ReasonDuplicateHost {
				rt.Fatalf("at turn %d: %s (%s): %+v", i, v.Status, v.Reason, w.Facts().Copies)
			}
		}
		for began := w.Now; w.Now.Sub(began) < 2*time.Minute; w.Now = w.Now.Add(10 * time.Second) {
			pair[1].turn()
		}
		if v := w.Verdict(); v.Status != workspace.StatusOnline {
			rt.Fatalf("one has stopped for two minutes: %s (%s)", v.Status, v.Reason)
		}
	})
}

// Two clients that do what the action of each answer says, and nothing else, come to rest: the one that registered last
// goes on, and the other ends.
func TestTwoThatFollowActionsComeToRest(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		pair := []*epochPoller{{World: w}, {World: w}}
		pair[0].boot()
		pair[1].boot()
		ended, registers := [2]bool{}, 0
		for range rapid.IntRange(4, 40).Draw(rt, "turns") {
			w.Now = w.Now.Add(time.Second)
			i := rapid.IntRange(0, 1).Draw(rt, "who")
			if ended[i] {
				continue
			}
			_, _, err := poll(w, delivery.PollRequest{Epoch: pair[i].epoch})
			if err == nil {
				err = ack(w, 0, pair[i].epoch)
			}
			if err == nil {
				continue
			}
			e, ok := errors.AsType[*fault.Error](err)
			switch {
			case !ok:
				rt.Fatal(err)
			case e.Action == fault.ActionRegister:
				registers++
				pair[i].boot()
			case e.Action == fault.ActionStop:
				ended[i] = true
			}
		}
		if ended[1] || registers > 0 {
			rt.Fatalf("the last one has ended: %t, and they registered %d times more", ended[1], registers)
		}
	})
}

// An epoch that no register was answered with, as after a restore of the store, is refused in each call that takes one
// to hand out or to end mail. Who does what the action says goes on.
func TestAnEpochThatNobodyWasGivenIsRefused(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Poll, "")
		s := &epochPoller{World: w}
		for range rapid.IntRange(1, 3).Draw(rt, "registers") {
			s.boot()
		}
		given := s.epoch
		s.epoch += rapid.Int64Range(1, 1<<40).Draw(rt, "beyond")
		_, _, polled := poll(w, delivery.PollRequest{Epoch: s.epoch})
		acked := ack(w, 0, s.epoch)
		for _, err := range []error{polled, acked} {
			e, ok := errors.AsType[*fault.Error](err)
			if !ok || e.Code != fault.EpochUnknown || e.Action != fault.ActionRegister {
				rt.Fatalf("epoch %d, and %d was given: %v", s.epoch, given, err)
			}
		}
		s.boot()
		s.turn()
		if err := ack(w, 0, s.epoch); err != nil {
			rt.Fatal(err)
		}
	})
}

// One client that is started again and again, or whose former run polls once more when the next one has registered, is
// not taken for two.
func TestOneThatStartsAgainIsNotTakenForTwo(t *testing.T) {
	for _, overlaps := range []bool{false, true} {
		w := world.New(t, workspace.Poll, "")
		s := &epochPoller{World: w, beats: true}
		s.boot()
		for i := range 40 {
			w.Now = w.Now.Add(5 * time.Second)
			former := s.epoch
			if i%8 == 4 { // one that runs for less than 30 s starts in a loop
				s.boot()
			}
			if overlaps && i == 4 {
				_, _, err := poll(w, delivery.PollRequest{Epoch: former})
				if fault.CodeOf(err) != fault.EpochSuperseded {
					t.Fatal(err)
				}
			}
			s.turn()
			if v := w.Verdict(); v.Status != workspace.StatusOnline {
				t.Fatalf("it overlaps: %t; at turn %d: %s (%s): %+v", overlaps, i, v.Status, v.Reason, w.Facts().Copies)
			}
		}
	}
}

// A former host that polls on, and does not read that it was superseded, costs six writes in each lease.
func TestAFormerHostThatPollsOnCostsLittle(t *testing.T) {
	w := world.New(t, workspace.Poll, "")
	former := register(w, workspace.Poll, "").Epoch
	register(w, workspace.Poll, "")
	before, began := w.Facts().Version, w.Now
	for ; w.Now.Sub(began) < 10*time.Minute; w.Now = w.Now.Add(time.Second) {
		_, _, _ = poll(w, delivery.PollRequest{Epoch: former})
		_, _, err := poll(w, delivery.PollRequest{Epoch: w.Facts().Epoch})
		w.NoError(err)
	}
	if v := w.Verdict(); v.Reason != workspace.ReasonDuplicateHost {
		t.Errorf("%s (%s)", v.Status, v.Reason)
	}
	sixth := workspace.DefaultPolicy().LeaseTTL / 6
	if writes := w.Facts().Version - before; writes > int64(10*time.Minute/sixth)+2 {
		t.Errorf("%d writes in ten minutes", writes)
	}
}
