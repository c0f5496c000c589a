package api

import "strings"

// Access says who may make a call; several may. Each operation has one, beside its
// route. httpapi.Gate enforces it before the handler runs, the OpenAPI document's
// security is made of it, and a test plays every operation with every kind of
// caller against it.
type Access int

// Who may call.
const (
	// ByAnyone may call without a credential, in every deployment.
	ByAnyone Access = 1 << iota
	// ByNewcomer may register without a credential: an id that nobody has used where
	// bootstrap is open, or with an enrolment token. The use case decides.
	ByNewcomer
	// WhereViewIsOpen and WhereChatIsOpen let anyone call without a credential where
	// that setting is open: on a private machine.
	WhereViewIsOpen
	WhereChatIsOpen
	// ByItself is the workspace that the call is about, with its own credential.
	ByItself
	// ByAnyWorkspace is any workspace, with its own credential.
	ByAnyWorkspace
	// ByViewer, ByOperator and ByAdmin are a person whose scope is at least that.
	ByViewer
	ByOperator
	ByAdmin
)

// Allows reports whether who, or one of several, is among those who may call.
func (a Access) Allows(who Access) bool { return a&who != 0 }

// byPerson are those of people.
const byPerson = ByViewer | ByOperator | ByAdmin

// ForPeople reports whether people may call, with the scope that they need at
// least.
func (a Access) ForPeople() (least Access, ok bool) {
	for _, scope := range []Access{ByViewer, ByOperator, ByAdmin} {
		if a.Allows(scope) {
			return scope, true
		}
	}
	return 0, false
}

// OnlyForPeople reports whether nobody but people may call.
func (a Access) OnlyForPeople() bool { return a != 0 && a&^byPerson == 0 }

// Words say who may call, for docs/security.md.
func (a Access) Words() string {
	var out []string
	for _, w := range []struct {
		who   Access
		words string
	}{
		{ByAnyone, "anyone"},
		{ByNewcomer, "a newcomer"},
		{WhereViewIsOpen, "anyone where view is open"},
		{WhereChatIsOpen, "anyone where chat is open"},
		{ByItself, "the workspace itself"},
		{ByAnyWorkspace, "any workspace"},
		{ByViewer, "view"},
		{ByOperator, "operate"},
		{ByAdmin, "admin"},
	} {
		if a.Allows(w.who) {
			out = append(out, w.words)
		}
	}
	return strings.Join(out, "; ")
}
