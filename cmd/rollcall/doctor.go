package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/visible"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) doctorCommand() *cobra.Command {
	var asked doctorRequest
	cmd := &cobra.Command{
		Use:   "doctor [ID]",
		Short: "Run where an agent runs: find what keeps it from the platform",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			asked.id = os.Getenv("ROLLCALL_ID")
			if len(args) > 0 {
				asked.id = args[0]
			}
			return a.doctor(cmd.Context(), asked)
		},
	}
	cmd.Flags().StringVar(&asked.file, "credential-file", "", "the file in which the agent keeps its credential")
	cmd.Flags().BoolVar(&asked.probe, "probe", false, "have the platform send the agent an empty test message")
	return cmd
}

// doctorRequest is what is looked at.
type doctorRequest struct {
	id, file string
	probe    bool
}

// health is what was found of a link.
type health string

// The healths.
const (
	healthy health = "ok"
	warning health = "warning"
	broken  health = "broken"
	skipped health = "skipped"
)

// finding is what was found of a link between an agent and the platform.
type finding struct {
	Link string `json:"link"`
	Is   health `json:"is"`
	Text string `json:"text"`
	Next string `json:"next,omitempty"` // what mends it
}

// diagnosis is what doctor found. Broken is the first link that is broken; "": none is. Next is what mends it, or what
// is to be done though none is.
type diagnosis struct {
	Workspace string    `json:"workspace_id,omitempty"`
	Findings  []finding `json:"findings"`
	Broken    string    `json:"broken,omitempty"`
	Next      string    `json:"next,omitempty"`
}

// doctor prints the state of each link, and what mends the first one that is broken.
func (a *app) doctor(ctx context.Context, asked doctorRequest) error {
	found, err := locate(a.url, a.token, a.context)
	if err != nil {
		return err
	}
	a.platform = found
	d := &doctor{app: a, asked: asked, platform: found.URL, person: found.OperatorToken}
	d.look(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	out := d.diagnosis()
	if a.output != "json" {
		visible.Fields(&out) // the platform, an agent and a certificate may have written in it
	}
	if err := a.show(out, out.print); err != nil || out.Broken == "" {
		return err
	}
	return &outcome{exitUnhealthy, "the first broken link is: " + out.Broken}
}

// doctor is one look at all links.
type doctor struct {
	*app
	asked    doctorRequest
	platform string // its address
	person   string // a person's credential; "": none is known
	agent    string // the agent's
	good     bool   // the agent's is good for the workspace that is looked at
	findings []finding

	now time.Time      // the platform's time
	ws  *api.Workspace // nil: it is not known
}

func (d *doctor) add(link string, is health, text, next string) {
	d.findings = append(d.findings, finding{link, is, text, next})
}

// look looks at each link, until one is broken without which no further one can be seen.
func (d *doctor) look(ctx context.Context) {
	if !d.reach(ctx) {
		return
	}
	d.readCredential()
	d.inspect(ctx)
	if d.ws == nil {
		d.readAsPerson(ctx)
	}
	if d.ws == nil {
		return
	}
	probed := d.tryProbe(ctx)
	d.lookAtAgentsClock()
	d.lookAtAgent()
	d.lookAtURL(ctx)
	d.findings = append(d.findings, probed)
	d.lookAtVerdict()
	d.oneRemedy()
	d.agree()
}

// oneRemedy has what the verdict knows to be broken mended as the verdict says: for one fault there is one step.
func (d *doctor) oneRemedy() {
	for i, f := range d.findings {
		if f.Is == broken && slices.Contains(d.known(), f.Link) {
			d.findings[i].Next = cmp.Or(d.remedy(), f.Next)
		}
	}
}

// known are the links of which the workspace's verdict says what is wrong.
func (d *doctor) known() []string {
	agents := []string{"credential", "register", "heartbeat", "status"}
	switch d.ws.Reason {
	case workspace.ReasonCredentialsRejected, workspace.ReasonRemoved:
		return agents
	case workspace.ReasonNeverRegistered:
		if !d.repairs() {
			return []string{"register", "status"}
		}
		return agents
	case workspace.ReasonLeaseExpired, workspace.ReasonPlatformSuspect:
		if !d.repairs() {
			return []string{"heartbeat", "status"}
		}
		return agents
	case workspace.ReasonPushFailing, workspace.ReasonInboxUnattended, workspace.ReasonBacklogStalled,
		workspace.ReasonAnswersFailing:
		mail := []string{"mail", "url", "probe", "status"}
		if d.repairs() {
			return append(mail, agents...)
		}
		return mail
	}
	if d.repairs() {
		return agents
	}
	return []string{"status"}
}

// repairs reports whether the verdict's command is a repair: then it says what is wrong with the credential.
func (d *doctor) repairs() bool { return isRepair(d.ws.Command) }

// do makes a call of this look with a credential.
func (d *doctor) do(ctx context.Context, method, path, credential string) (client.Reply, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	req := &request{platform: d.platform, method: method, path: path, doctor: "rollcall doctor", began: time.Now()}
	r, err := client.Client{URL: d.platform}.Do(req.wire.trace(ctx), method, path, credential, nil)
	if err != nil {
		return r, req.unanswered(err)
	}
	if r.Status >= 300 {
		return r, req.refusal(r)
	}
	return r, nil
}

// doctorPatience is how long a call of doctor may take.
const doctorPatience = 15 * time.Second

// diagnosis is what was found, with the first broken link.
func (d *doctor) diagnosis() diagnosis {
	out := diagnosis{Workspace: d.asked.id, Findings: d.findings}
	if d.ws != nil {
		out.Workspace = d.ws.ID
	}
	for _, f := range d.findings {
		if f.Is == broken {
			out.Broken, out.Next = f.Link, f.Next
			break
		}
		out.Next = cmp.Or(out.Next, f.Next)
	}
	return out
}

func (v diagnosis) print(w *printer) {
	rows := [][]string{}
	said := []string{v.Next}
	for _, f := range v.Findings {
		text := w.words(f.Text)
		if f.Is == broken && !slices.Contains(said, f.Next) && !strings.Contains(f.Text, f.Next) { // of another fault
			said = append(said, f.Next)
			text += "; to mend that: " + w.words(f.Next)
		}
		rows = append(rows, []string{fmt.Sprintf("%-11s %-7s", f.Link, f.Is), text})
	}
	w.facts(rows)
	switch {
	case v.Broken != "":
		w.lines("\nbroken: " + v.Broken + "\nnext: " + w.words(v.Next))
	case v.Workspace == "":
		w.lines("\n" + v.noneBroken() + "; give the ID of the workspace to look at the rest")
	case v.Next != "":
		w.lines("\n" + v.noneBroken() + "\nnext: " + w.words(v.Next))
	default:
		w.lines("\n" + v.noneBroken())
	}
}

// noneBroken says that no link was found broken, and of which that is not certain.
func (v diagnosis) noneBroken() string {
	var doubtful []string
	for _, f := range v.Findings {
		if f.Is == warning {
			doubtful = append(doubtful, f.Link)
		}
	}
	if len(doubtful) == 0 {
		return "nothing that was looked at is broken"
	}
	return "nothing that was looked at is broken for certain; see the warnings: " + strings.Join(doubtful, ", ")
}

// orUnknown is a text for what may be missing.
func orUnknown(s string) string { return cmp.Or(strings.TrimSpace(s), "unknown") }
