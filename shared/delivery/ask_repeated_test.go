package delivery_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/waiting"
)

// askCall is a call that asks a question, or asks it again.
type askCall struct {
	At    time.Duration // when it begins
	Fate  string        // "": its caller reads the reply; "cut": nobody does, and the call goes on; "dies"
	Dies  time.Duration // after its begin
	Place bool          // one is free for it
}

// askedAgain is a question that is asked, what becomes of each call, and when the agent takes and answers it.
type askedAgain struct {
	Calls           []askCall
	Taken, Answered time.Duration
	Lifetime        time.Duration
}

func drawAskedAgain(rt *rapid.T) (a askedAgain) {
	tenths := func(from, to int, what string) time.Duration {
		return time.Duration(rapid.IntRange(from, to).Draw(rt, what)) * 100 * time.Millisecond
	}
	for i := range rapid.IntRange(1, 3).Draw(rt, "calls") {
		c := askCall{Fate: rapid.SampledFrom([]string{"", "cut", "dies"}).Draw(rt, "fate")}
		c.Dies = tenths(0, 90, "dies after")
		c.Place = rapid.Bool().Draw(rt, "a place is free")
		if i > 0 {
			c.At = tenths(1, 130, "asks again after")
		}
		a.Calls = append(a.Calls, c)
	}
	a.Taken = tenths(1, 150, "is taken after")
	if rapid.Bool().Draw(rt, "as the wait ends") {
		a.Taken = tenths(99, 105, "is taken after")
	}
	a.Answered = a.Taken + tenths(0, 40, "is answered after")
	if a.Lifetime = 24 * time.Hour; rapid.IntRange(0, 3).Draw(rt, "little time") == 0 {
		a.Lifetime = tenths(10, 150, "lifetime")
	}
	return a
}

// askOutcome is what became of it.
type askOutcome struct {
	answered []bool          // of each call whose caller reads the reply: it has the answer
	said     []string        // the state that each of these was told, "" for one that is not
	held     []time.Duration // how long each was held
	mail     int             // messages that wait for the one who asked
	state    chat.State      // of the question
	left     int64           // outbox items
}

// play has the calls made, the agent answer, and then two minutes pass.
func (a askedAgain) play(t *testing.T) (out askOutcome) {
	w := asked(t)
	w.Run()
	out.answered = make([]bool, len(a.Calls))
	out.said, out.held = make([]string, len(a.Calls)), make([]time.Duration, len(a.Calls))
	began := time.Now()
	w.Agent = func(chat.Message) delivery.PushResult {
		time.Sleep(a.Answered - time.Since(began))
		return delivery.PushResult{Answer: []byte(`{"result":{"task":{"artifacts":[{"parts":[{"text":"42"}]}]}}}`)}
	}
	var calls sync.WaitGroup
	for i, c := range a.Calls {
		calls.Go(func() {
			time.Sleep(c.At)
			m := question("q")
			m.ExpiresAt = w.Delivery.Clock.Now().Add(a.Lifetime)
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if c.Fate == "dies" {
				ctx, cancel = context.WithTimeout(ctx, c.Dies)
			}
			defer cancel()
			by := delivery.Asker{Place: w.Waits.For(fmt.Sprint(i)), Still: func(ctx context.Context) error {
				if ctx.Err() != nil {
					runtime.Goexit()
				}
				return nil
			}}
			for n := 0; !c.Place && n < waiting.Most; n++ {
				w.NoError(w.Waits.For(fmt.Sprint(i)).Take(t.Context()))
			}
			start := time.Now()
			got, err := w.Ask(ctx, m, by, w.Delivery.Clock.Now())
			out.held[i] = time.Since(start)
			if c.Fate != "" {
				return
			}
			if err != nil {
				t.Error(err)
			}
			out.answered[i] = got.Message.State == chat.Delivered && got.Message.AnswerText() == "42"
			out.said[i] = string(got.Message.At(got.At).State)
		})
	}
	calls.Go(func() {
		time.Sleep(a.Taken)
		w.DrainOnce()
	})
	calls.Wait()
	for range 3 {
		time.Sleep(time.Minute)
		w.SweepOnce()
		w.DrainOnce()
	}
	out.mail, out.state, out.left = len(mailOf(w)), w.Receipt("q").State, w.Facts().OutboxItems
	return out
}

// An answer reaches whoever asks: in a call that is read, or as a message, whichever calls are cut off, repeated, or
// without a place to wait in, and whenever the agent answers. So does the end of a question that gets none. One that
// asks once is told of it once. No call is held for longer than it may, nor after its question has expired.
func TestAnAnswerReachesWhoeverAsks(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := drawAskedAgain(rt)
		var out askOutcome
		synctest.Test(t, func(t *testing.T) { out = a.play(t) })
		reads, told := false, false
		for i, c := range a.Calls {
			reads = reads || c.Fate == ""
			ended := out.said[i] != "" && !chat.State(out.said[i]).Open()
			told = told || out.answered[i] || ended && out.state != chat.Delivered
			if most := 10*time.Second + 500*time.Millisecond; out.held[i] > most {
				rt.Fatalf("%+v: call %d is held for %v", a, i, out.held[i])
			}
			if over := a.Lifetime + 100*time.Millisecond - c.At; out.state == chat.Expired && out.held[i] > max(0, over) {
				rt.Fatalf("%+v: call %d is held for %v, though the question has expired", a, i, out.held[i])
			}
		}
		if out.state.Open() || out.left != 0 || out.mail > 1 {
			rt.Fatalf("%+v: it is %s, with %d outbox items and %d messages", a, out.state, out.left, out.mail)
		}
		if reads && !told && out.mail == 0 {
			rt.Fatalf("%+v: nobody is told that it is %s: %+v", a, out.state, out)
		}
		if len(a.Calls) == 1 && told && out.mail > 0 {
			rt.Fatalf("%+v: it is told twice: %+v", a, out)
		}
	})
}

// An answer that comes as the wait ends may be seen by a repeat that was cut off, after the first call has looked for
// the last time: then it is sent.
func TestARepeatTakesNoAnswerThatTheFirstCallHasNotSeen(t *testing.T) {
	for answered := 9 * time.Second; answered < 12*time.Second; answered += 50 * time.Millisecond {
		a := askedAgain{
			Calls: []askCall{{Place: true}, {At: 100 * time.Millisecond, Fate: "cut", Place: true}},
			Taken: answered, Answered: answered, Lifetime: time.Hour,
		}
		synctest.Test(t, func(t *testing.T) {
			if out := a.play(t); !out.answered[0] && out.mail == 0 {
				t.Errorf("answered after %v: %+v", answered, out)
			}
		})
	}
}
