package delivery_test

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/activity"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/world"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

var anOperator = activity.Actor{Who: "operator"}

// told is a workspace to which anything happens, and whose operator does what its verdict says.
type told struct {
	*world.World
	t    *rapid.T
	sent int
	log  []string
	// enrolment is a token for it.
	enrolment string
}

// The command that a verdict or a remark names is not refused by the use case that it calls, whatever happened before.
func TestNoVerdictNamesACommandThatIsRefused(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mode := rapid.SampledFrom([]workspace.Mode{workspace.Push, workspace.Poll}).Draw(rt, "mode")
		w := &told{World: world.New(t, mode, "http://agent/"), t: rt}
		var err error
		w.enrolment, _, err = w.Registry.Enrol(t.Context(), world.ID, 1, time.Hour, anOperator, w.Now)
		if err != nil {
			rt.Fatal(err)
		}
		agent := "takes"
		w.Agent = func(chat.Message) delivery.PushResult { return answersOfAgents[agent] }
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			if rapid.IntRange(0, 3).Draw(rt, "the operator acts") == 0 {
				w.obey()
				continue
			}
			if what := rapid.IntRange(0, 9).Draw(rt, "the agent changes"); what == 0 {
				agent = rapid.SampledFrom([]string{"takes", "refuses", "hangs", "malformed", "fails tasks"}).Draw(rt, "it")
			}
			w.happen(mode)
		}
		w.obey()
	})
}

// happen is one thing that happens, and the time after it.
func (w *told) happen(mode workspace.Mode) {
	ctx := context.Background()
	from := fmt.Sprint("10.0.0.", rapid.IntRange(1, 7).Draw(w.t, "address"))
	what := rapid.SampledFrom([]string{
		"beat", "beat", "beat", "register", "refused boot", "refused boot", "refused beat", "refused poll", "revoke",
		"show", "anyone", "from", "rotate", "pause", "resume", "remove", "send", "drain", "sweep", "move", "move",
	}).Draw(w.t, "what")
	credential := w.Token
	if strings.HasPrefix(what, "refused") {
		credential = rapid.SampledFrom([]string{
			"", "garbage", "rcw_former", "$TOKEN", `"` + w.Token + `"`, `"another-agents-credential"`,
			w.enrolment, `"` + w.enrolment + `"`, "whsec_c2VjcmV0",
		}).Draw(w.t, "credential")
	}
	in := registry.Registration{ID: world.ID, Credential: credential, From: from, Mode: mode, URL: "http://agent/"}
	switch what {
	case "beat":
		w.signal(workspace.SignalHeartbeat, credential, from)
	case "refused beat":
		w.signal(workspace.SignalHeartbeat, credential, from)
	case "refused poll":
		w.signal(workspace.SignalPoll, credential, from)
	case "register", "refused boot":
		if out, err := w.Registry.Register(ctx, in, w.Now); err == nil && out.AuthToken != "" {
			w.Token = out.AuthToken
		}
	case "move": // by more addresses than are kept
		for i := range rapid.IntRange(2, 6).Draw(w.t, "addresses") {
			w.signal(workspace.SignalHeartbeat, w.Token, fmt.Sprint("10.0.1.", i))
		}
	case "revoke":
		_, _, _ = w.Registry.Revoke(ctx, world.ID, true, anOperator, w.Now)
	case "show", "anyone", "from":
		_ = w.repair(registry.RepairInput{
			Show: what == "show", Anyone: what == "anyone", From: map[bool]string{true: from}[what == "from"],
			Force: true,
		})
	case "rotate":
		_, text, err := w.Registry.Rotate(ctx, registry.RotateInput{
			ID: world.ID, To: workspace.ToOperator, Force: true, By: anOperator,
		}, w.Now)
		if err == nil && rapid.Bool().Draw(w.t, "placed") {
			w.Token = text
		}
	case "pause", "resume", "remove":
		hold := map[string]workspace.Hold{"pause": workspace.Paused, "remove": workspace.Removed}[what]
		_, _ = w.Registry.Hold(ctx, world.ID, hold, anOperator, w.Now)
	case "send":
		w.sent++
		_, _ = w.Enqueue(ctx, world.Message(fmt.Sprint("m", w.sent)), w.Now)
	case "drain":
		w.DrainOnce()
	case "sweep":
		w.SweepOnce()
	}
	passes := rapid.SampledFrom([]time.Duration{
		time.Second, 15 * time.Second, 70 * time.Second, 10 * time.Minute, 7 * time.Hour, 25 * time.Hour,
	}).Draw(w.t, "time")
	w.log = append(w.log, fmt.Sprintf("%s by %s from %s, then %s", what, credential, from, passes))
	w.Now = w.Now.Add(passes)
}

// signal is a call of the agent that may be refused.
func (w *told) signal(kind workspace.SignalKind, credential, from string) {
	_, _ = w.Registry.Signal(context.Background(), world.ID, credential, workspace.Signal{Kind: kind, From: from}, w.Now)
}

// repair repairs, and gives the agent what is shown, or not.
func (w *told) repair(in registry.RepairInput) error {
	in.ID, in.By = world.ID, anOperator
	out, err := w.Registry.Repair(context.Background(), in, w.Now)
	if err == nil && out.AuthToken != "" && rapid.Bool().Draw(w.t, "placed") {
		w.Token = out.AuthToken
	}
	return err
}

// inTexts are the commands in texts, each with all its flags. One with an address to be put in is named only under a
// condition.
var inTexts = regexp.MustCompile(
	`rollcall (repair w( --show| --from [0-9.]*[0-9]| --force)*|cancel w m[0-9]+|probe w|enrol w)`)

// commands are all that a verdict, its remarks and its hint name.
func (w *told) commands() (out []string) {
	f, err := w.Store.Get(context.Background(), world.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	v := workspace.Assess(f, w.Registry.Policy, w.Now)
	texts := []string{v.Hint}
	if c := v.Command(world.ID); c != "" {
		out = append(out, c)
	}
	for _, r := range v.Remarks {
		texts = append(texts, r.Text)
		if r.Command != "" {
			out = append(out, r.Command)
		}
	}
	for _, text := range texts {
		out = append(out, inTexts.FindAllString(text, -1)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// obey does one of the commands that are named.
func (w *told) obey() {
	named := w.commands()
	if len(named) == 0 {
		return
	}
	command := rapid.SampledFrom(named).Draw(w.t, "command")
	f, _ := w.Store.Get(context.Background(), world.ID)
	v := workspace.Assess(f, w.Registry.Policy, w.Now)
	if err := w.play(strings.Fields(command)[1:]); err != nil {
		w.t.Fatalf("%s, which %s (%s) names, is refused: %v\n%s\n%s", command, v.Status, v.Reason, err, v.Hint,
			strings.Join(w.log, "\n"))
	}
	w.log = append(w.log, command)
}

// play calls the use case of a command of the command-line program.
func (w *told) play(words []string) (err error) {
	ctx := context.Background()
	verb, flags := words[0], strings.Join(words[1:], " ")
	switch verb {
	case "doctor", "explain", "history", "log", "problems", "receipts", "status", "sweep":
		return nil // it only looks, or sweeps
	case "repair":
		force := strings.Contains(flags, "--force")
		_, from, _ := strings.Cut(strings.TrimSpace(strings.ReplaceAll(flags, "--force", "")), "--from ")
		told := from != "" && rapid.Bool().Draw(w.t, "in bulk")
		return w.repair(registry.RepairInput{
			Show: strings.Contains(flags, "--show"), From: from, Told: told, Force: force,
		})
	case "create":
		out, err := w.Registry.Create(ctx, registry.CreateInput{ID: world.ID, By: anOperator}, w.Now)
		w.Token = out.AuthToken
		return err
	case "enrol":
		_, _, err = w.Registry.Enrol(ctx, world.ID, 1, time.Hour, anOperator, w.Now)
	case "resume":
		_, err = w.Registry.Hold(ctx, world.ID, workspace.NoHold, anOperator, w.Now)
	case "redrive":
		_, _, err = w.RedriveAll(ctx, world.ID, func(workspace.Life, int, int) error { return nil }, w.Now)
	case "probe":
		_, err = w.Probe(ctx, world.ID, w.Now)
	case "cancel":
		if from, dry := strings.CutPrefix(flags, world.ID+" --from "); dry {
			_, _, err = w.CancelMail(ctx, world.ID, strings.Fields(from)[0], "operator", nil, w.Now)
			return err
		}
		_, err = w.Cancel(ctx, world.ID, words[2], "operator", w.Now)
	default:
		w.t.Fatalf("nothing plays %s", verb)
	}
	return err
}
