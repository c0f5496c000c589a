package delivery_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/workspace"
)

func closing(w *world.World, messages ...string) (int, error) {
	ask := func(workspace.Life, int, int) error { return nil }
	closed, _, err := w.Delivery.Dismiss(w.T.Context(), world.ID, "an operator", messages, ask, w.Now)
	return len(closed), err
}

// step is the command that the remark on lost mail names; "" without one.
func step(w *world.World) (command, text string) {
	for _, r := range w.Verdict().Remarks {
		if r.Code == workspace.RemarkMailLost {
			return r.Command, r.Text
		}
	}
	return "", ""
}

// In any order of deaths, redrives and dismissals: the line of lost mail is there as long as a message is lost, asks
// for a look at what ended it, as its agent refused it, says how often it was redriven, and a dismissal ends it.
func TestARedriveInVainIsToldAndTheLineCanBeClosed(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := world.New(t, workspace.Push, "http://agent/")
		w.Agent = func(m chat.Message) delivery.PushResult {
			if strings.HasPrefix(m.ID, "bad") {
				return delivery.PushResult{Handover: delivery.Refused, Why: "error -32602: role missing"}
			}
			return delivery.PushResult{}
		}
		redrives, lost := map[string]int{}, map[string]bool{}
		pick := func(rt *rapid.T) string {
			if len(redrives) == 0 {
				rt.Skip("none was sent")
			}
			return fmt.Sprint("bad", rapid.IntRange(0, len(redrives)-1).Draw(rt, "message"))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"dies": func(*rapid.T) {
				id := fmt.Sprint("bad", len(redrives))
				redrives[id], lost[id] = 0, true
				w.Send(id)
				w.DrainOnce()
			},
			"redrive": func(rt *rapid.T) {
				id := pick(rt)
				_, err := w.Delivery.Redrive(t.Context(), world.ID, id, w.Now)
				w.NoError(err)
				redrives[id]++
				for range 20 {
					if w.Receipt(id).State == chat.Dead {
						break
					}
					w.Now = w.Now.Add(time.Second)
					w.Heartbeat(0)
					w.DrainOnce()
				}
				lost[id] = true
				again := fmt.Sprintf("after %d redrive", redrives[id])
				if m := w.Receipt(id); m.State != chat.Dead || !strings.HasPrefix(m.Reason, again) {
					rt.Fatalf("%s: %s", m.State, m.Reason)
				}
			},
			"dismiss": func(rt *rapid.T) {
				id := pick(rt)
				n, err := closing(w, id)
				if lost[id] != (err == nil && n == 1) || !lost[id] && fault.CodeOf(err) != fault.MessageNotDead {
					rt.Fatalf("%d closed of one that is lost: %t, %v", n, lost[id], err)
				}
				delete(lost, id)
			},
			"dismiss all": func(rt *rapid.T) {
				if n, err := closing(w); err != nil || n != len(lost) {
					rt.Fatalf("%d of %d closed, %v", n, len(lost), err)
				}
				clear(lost)
			},
			"": func(rt *rapid.T) {
				w.Now = w.Now.Add(time.Second)
				vain := int64(len(lost)) // its agent refused each
				f := w.Facts()
				if f.LostMessages != int64(len(lost)) || f.LostInVain != vain || f.Dead != int64(len(redrives)) {
					rt.Fatalf("%d lost, %d in vain, %d dead; told are %d, %d, %d",
						len(lost), vain, len(redrives), f.LostMessages, f.LostInVain, f.Dead)
				}
				command, text := step(w)
				want := "rollcall receipts w --lost"
				if len(lost) == 0 {
					want = ""
				}
				if command != want || vain > 0 && !strings.Contains(text, "rollcall dismiss w --lost") {
					rt.Fatalf("%q, want %q: %s", command, want, text)
				}
			},
		})
	})
}

// What can't be cancelled, as it is lost, is told with the command that closes it.
func TestACancelOfWhatIsLostNamesTheDismissal(t *testing.T) {
	w := world.New(t, workspace.Push, "http://agent/")
	w.Agent = func(chat.Message) delivery.PushResult {
		return delivery.PushResult{Handover: delivery.Refused, Why: "error -32602: role missing"}
	}
	w.Send("bad")
	w.DrainOnce()
	_, err := w.Delivery.Cancel(t.Context(), world.ID, "bad", "an operator", w.Now)
	var e *fault.Error
	if !errors.As(err, &e) || e.Code != fault.MessageAlreadyTerminal ||
		!strings.Contains(e.Hint, "rollcall dismiss w --message bad") {
		t.Fatalf("%+v", err)
	}
}
