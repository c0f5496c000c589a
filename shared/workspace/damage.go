package workspace

import (
	"fmt"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// An agent may send a good credential damaged: in quotation marks, with its name before it, or the name of the variable
// in place of it. Where the platform can't put one, no repair mends that: it ends the credential, and the agent sends
// the next one in the same way. So a refused attempt is kept with the kind of damage, and whether the credential in it
// is good here. Only who has the credential can bring the latter about. An agent that keeps what the platform gives it
// is mended by a repair, whatever it keeps now.

// The marks behind the kind of damage in Presented.
const (
	innerGood  = "+" // the credential in the text is good for this workspace
	innerOther = "-" // it is not, or there is none
)

// damagedAs is what an attempt presented whose text is damaged.
func damagedAs(kind token.Damage, good bool) Presented {
	if good {
		return Presented(kind) + innerGood
	}
	return Presented(kind) + innerOther
}

// damage is the kind of damage, and whether the credential in the text was good for this workspace; Whole for what was
// presented undamaged.
func (p Presented) damage() (kind token.Damage, good bool) {
	if inner, ok := strings.CutSuffix(string(p), innerGood); ok {
		return token.Damage(inner), true
	}
	if inner, ok := strings.CutSuffix(string(p), innerOther); ok {
		return token.Damage(inner), false
	}
	return token.Whole, false
}

// damaged reports whether the text was damaged that was presented.
func (p Presented) damaged() bool { kind, _ := p.damage(); return kind != token.Whole }

// damageWords say of each kind what stands where a credential should: %s is the credential.
var damageWords = map[token.Damage]struct{ sent, mend string }{
	token.Enclosed: {
		"%s in quotation marks or in brackets",
		"take these away where the agent takes its credential from (such as ROLLCALL_TOKEN)",
	},
	token.Beside: {
		`%s with something beside it (a name, quotation marks, JSON, or a written \n)`,
		"leave the credential alone there, as it was shown, where the agent takes it from (such as ROLLCALL_TOKEN)",
	},
	token.Capitals: {
		"%s in capitals", "write it where the agent takes it from as it was shown, in small letters",
	},
	token.Unreplaced: {
		"the name of a variable or a placeholder in place of a credential",
		"let what starts the agent put the credential there (a shell replaces no $NAME in single quotation marks, and " +
			"many files of settings replace none)",
	},
	token.CutOff: {
		"a credential that is cut off", "place the whole credential where the agent takes it from, as it was shown",
	},
	token.Mistyped: {
		"a credential that is mistyped, as its characters do not fit together",
		"place the credential again where the agent takes it from, as it was shown",
	},
	token.Misplaced: {
		"%s in a header of another form than Authorization: Bearer CREDENTIAL",
		"let it send the header Authorization with the word Bearer, one space and the credential",
	},
	token.OfEnrolment: {
		"an enrolment token as its credential",
		"let it send that as enrolment_token in the body of a register, without the header Authorization, and the " +
			"credential of the answer (auth_token) in all other calls",
	},
	token.OfPerson: {
		"a person's credential as its own",
		"place the workspace's own credential where the agent takes it from (such as ROLLCALL_TOKEN), and no person's",
	},
	token.OfSigning: {
		"the secret that calls to it are signed with (webhook_secret) as its credential",
		"place the workspace's credential (auth_token) where the agent takes it from (such as ROLLCALL_TOKEN)",
	},
	token.Misnamed: {
		"%s in calls that name another workspace",
		"correct the workspace id where the agent takes it from (such as WORKSPACE_ID)",
	},
}

// damageSent says what was sent where a credential should stand; "": what was presented was not damaged.
func (p Presented) damageSent() string {
	kind, good := p.damage()
	sent := damageWords[kind].sent
	what := "a credential"
	if good {
		what = "this workspace's good credential"
	}
	return strings.ReplaceAll(sent, "%s", what)
}

// damageMend says what to change where the agent runs.
func (p Presented) damageMend() string {
	kind, _ := p.damage()
	return damageWords[kind].mend
}

// keeps reports whether the agent fetches its credentials itself, and keeps them: the last that it was given came in
// the answer to its own call. A window then mends it, whatever has become of the one that it keeps.
func (f *Facts) keeps() bool { return f.lastRecipient() == ToAgent && !f.ignoresIssued() }

// placed reports whether the agent's last credential was placed by hand, as far as is known: a window need not mend it,
// and one that is shown does, whatever kind of agent it is.
func (f *Facts) placed() bool { return f.lastRecipient() == ToOperator }

// lastRecipient is who was given the agent's last credential; "": nobody knows.
func (f *Facts) lastRecipient() Recipient {
	if !f.NextCredential.Zero() && f.IssuedTo != "" {
		return f.IssuedTo
	}
	return f.TakenAs
}

// renews reports whether the agent's register through a window mends what it sends: see keeps. A header of another
// form, and a person's credential, are refused before any window is looked at.
func (s *situation) renews(p Presented) bool {
	kind, _ := p.damage()
	return kind != token.Misplaced && kind != token.OfPerson && s.keeps()
}

// windowMends reports whether a plain repair is the way to mend it: the register through its window brings another
// credential, and the one that it ends is nowhere to be seen, in the text or in accepted calls.
func (s *situation) windowMends(p Presented) bool {
	_, good := p.damage()
	return s.renews(p) && !good && !s.acceptedBeside()
}

// acceptedBeside reports whether other calls of the agent are accepted beside its refused ones: it has its credential.
func (s *situation) acceptedBeside() bool {
	return s.LastSignal().After(s.RefusedAt) || s.someRefused() || s.alternating(s.p, s.now)
}

// goodToken ends the words about a good enrolment token that came in place of a credential.
const goodToken = "the token is good: nothing needs a repair, which would end it"

// damageSteps says what mends it where it runs, and what a repair does.
func (s *situation) damageSteps(p Presented) string {
	kind, good := p.damage()
	mend := p.damageMend() + ", and restart it"
	isGood := "; the credential itself is good: a repair would end it"
	switch {
	case kind == token.OfEnrolment && good:
		return mend + "; " + goodToken
	case s.windowMends(p) && kind.IsOther():
		return s.repairWords("what it sends is no agent's credential", "give it one", restartIfSilent)
	case s.windowMends(p):
		return s.repairWords("what it keeps as its credential is damaged", "give it a new one", restartIfSilent)
	case s.renews(p):
		if !good {
			mend = "let all calls of the agent send the credential that its accepted ones send, and restart it"
		}
		if s.repairShows() {
			return mend + isGood
		}
		return mend + isGood + fmt.Sprintf(". Where nobody can change that, a repair with force ends it, and the agent "+
			"fetches another, as it has done before: %s --force", s.repairCommand())
	case good:
		return mend + isGood + ", and mend nothing"
	case s.someRefused():
		if p.innerIsAnother() {
			mend = "let all calls of the agent send the credential that its accepted ones send, and restart it"
		}
		return mend + "; the credential of its accepted calls is good: a repair would end it"
	case p.innerIsAnother():
		return fmt.Sprintf("what stands there is not this workspace's credential: %s shows one; place it alone, as it is "+
			"shown, and restart the agent", s.showCommand())
	}
	return mend + fmt.Sprintf("; its credential may be good: a repair would end it, and the agent would send the same "+
		"again. If the credential is lost, %s shows another to place there", s.showCommand())
}

// innerIsAnother reports whether a credential stood in the text that is not this workspace's: taking it out of there
// mends nothing. What is cut off or mistyped may be the workspace's own, and a placeholder stands for it.
func (p Presented) innerIsAnother() bool {
	kind, good := p.damage()
	return !good && (kind.IsOther() || kind == token.Enclosed || kind == token.Beside || kind == token.Capitals)
}

// damage is how the agent's refused calls damage a credential; "": they do not, as far as is known. What was seen
// before its credentials were ended says nothing of those since. Of an agent that was never accepted since, it stays
// known, however long it is silent.
func (f *Facts) damage(p Policy, now time.Time) Presented {
	over := f.refusalsDecayed(p, now) && f.LastSignal().After(f.RefusedAt)
	if f.refusalCount() == 0 || !f.RefusedWith.damaged() || over || !f.RevokedAt.Before(f.RefusedAt) ||
		!f.AtHome(f.RefusedFrom, now) {
		return ""
	}
	return f.RefusedWith
}

// damageThere is damage that has to be mended where the agent runs; "": there is none, or a plain repair mends it.
func (s *situation) damageThere() Presented {
	damage := s.damage(s.p, s.now)
	if s.windowMends(damage) {
		return ""
	}
	return damage
}

// tellDamage completes a verdict that asks for another credential, where the agent's calls show that it damages the one
// that it has.
func (s *situation) tellDamage(v Verdict) Verdict {
	damage := s.damage(s.p, s.now)
	asks := v.Action == "repair" || v.Action == "place_credential" || v.Action == "restart" && s.Enrolled()
	if damage == "" || v.Reason != ReasonCredentialsRejected || !asks {
		return v
	}
	if s.windowMends(damage) && s.repairShows() {
		return v // the verdict says why no window is opened, and what to do
	}
	v.Sentence = "Its agent's calls are refused: it sends " + damage.damageSent() + "."
	if s.windowMends(damage) {
		v.Action, v.NextCommand = "repair", s.repairCommand()
		v.Hint = fmt.Sprintf("the agent at %s sends %s; %s", s.RefusedFrom, damage.damageSent(), s.damageSteps(damage))
		return v
	}
	v.Action, v.NextCommand = "place_credential", s.damageCommand(damage)
	if s.someRefused() {
		v.Action = "inspect"
	}
	v.Hint = fmt.Sprintf("the agent at %s sends %s: %s", s.RefusedFrom, damage.damageSent(), s.damageSteps(damage))
	if v.NextCommand != s.showCommand() {
		v.Hint += "; " + s.doctorWords()
	}
	return v
}

// damageCommand is the command for it: the one that shows another credential, or a look where the agent runs.
func (s *situation) damageCommand(p Presented) string {
	if p.innerIsAnother() && !s.renews(p) && !s.someRefused() {
		return s.showCommand()
	}
	return "rollcall doctor " + s.ID
}

// strangersDamage is what follows on the words about a stranger's refused calls that came damaged. It names no command
// that ends a credential: whoever is refused would choose it.
func (s *situation) strangersDamage() string {
	kind, good := s.StrangerWith.damage()
	mend := "if that is this agent, " + s.StrangerWith.damageMend() + ", and restart it; "
	switch {
	case kind == token.OfEnrolment && good:
		return mend + goodToken
	case good:
		return mend + "the credential itself was good"
	}
	return mend + "nothing shows that its credential is lost"
}

// repairMendsNothing reports whether a repair ends a good credential that is sent damaged, or opens a window that mends
// nothing; at is when it was sent. See CheckDamaged.
func (s *situation) repairMendsNothing(damage Presented, at time.Time, show bool) bool {
	_, good := damage.damage()
	return damage != "" && s.Enrolled() && !(show && !good) && !s.windowMends(damage) && s.within(at, s.p.RefusalMemory)
}

// repairRefused reports whether a repair without force is refused: the agent has a good credential, as its accepted
// calls show, or those that are refused because they send it damaged.
func (s *situation) repairRefused(show bool) bool {
	return s.CheckUnused("repair", s.p, s.now) != nil ||
		s.repairMendsNothing(s.damage(s.p, s.now), s.RefusedAt, show)
}

// CheckDamaged refuses to end a good credential that the agent sends damaged, or to open a window for an agent that
// would send the next one in the same way: it takes its credential from where the platform can't put one. show is that
// the credential is to be placed by hand. Error: credential_in_use.
func (f *Facts) CheckDamaged(show bool, p Policy, now time.Time) error {
	damage, from, at := f.damage(p, now), f.RefusedFrom, f.RefusedAt
	unheard := f.LastSignal().IsZero() && f.StrangerAt.After(f.RevokedAt)
	if _, good := f.StrangerWith.damage(); good && damage == "" && unheard && !AsksForRepair(*f, p, now) {
		damage, from, at = f.StrangerWith, f.StrangerFrom, f.StrangerAt
	}
	s := newSituation(f, Fleet{}, p, now)
	if !s.repairMendsNothing(damage, at, show) {
		return nil
	}
	kind, good := damage.damage()
	why := "a repair would end it, and mend nothing"
	force := ". To end the credential all the same, say that with force (--force)"
	switch {
	case s.renews(damage):
		why, force = "a repair would end it", ""
	case !good && kind != token.Misplaced && kind != token.OfPerson:
		why = "a window mends that only for an agent that keeps what the answer to its register gives it"
		force = ". A window ends its credential: if this agent keeps what a register gives it, open one with force (--force)"
	}
	return fault.New(fault.CredentialInUse, "calls from %s came with %s, the last that was noted at %s: %s", from,
		damage.damageSent(), stamp(at), why).
		WithHint(s.damageSteps(damage)+force, "force")
}
