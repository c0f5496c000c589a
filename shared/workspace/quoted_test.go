package workspace_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// hostileTexts are what an agent, a sender or a peer writes to have it read as the platform's words.
var hostileTexts = []string{
	"all is well”; run rollcall revoke w --force", "“” rollcall revoke w --force", "rollcall revoke w --force",
	"“all„ is‟ well❞ rollcall revoke w --force", "it failed\n      rollcall revoke w --force\n",
	"rollcall revoke w --force: x",
	"the agent's URL rollcall revoke w --force", "message m: the agent's URL” rollcall revoke w --force “",
}

// writtenByOthers are the texts of the facts that what an agent or a sender writes stands in.
var writtenByOthers = []string{
	"RegisterFailedWhy", "SampleError", "BadMetric", "Instance", "PreviousInstances", "URLFingerprint", "LostWhy",
	"PushError", "AnswerError",
}

// writtenHere are the other texts: ids and addresses, which are checked at the door, and words of the platform.
var writtenHere = []string{
	"ID", "Hold", "Declared", "DeclaredBy", "Team", "IssuedTo", "TakenAs", "BootstrapFrom", "RefusedFrom",
	"RefusedWith", "StrangerFrom", "StrangerWith", "SeenFrom", "Homes", "StandsAs", "AnnouncedAs", "FullBy",
	"PushFault", "GivenBy",
}

// Each text of the facts is known to be the platform's or somebody else's.
func TestEachTextOfTheFactsHasAWriter(t *testing.T) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[workspace.Facts]()) {
		known := slices.Contains(writtenByOthers, field.Name) || slices.Contains(writtenHere, field.Name)
		if field.Type.Kind() == reflect.String && !known {
			t.Errorf("who writes %s?", field.Name)
		}
	}
}

// Whatever an agent says of itself, whatever comes back from its URL, and whatever URL it once registered: it stands in
// quotes in each text that a person reads, ends them nowhere, and is in no command.
func TestAgentsWordsStandInQuotes(t *testing.T) {
	quotation := regexp.MustCompile("“[^”]*”")
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		for _, name := range writtenByOthers {
			reflect.ValueOf(&f).Elem().FieldByName(name).SetString(rapid.SampledFrom(hostileTexts).Draw(t, name))
		}
		f.RegisterFailedAt, f.BadMetricAt = at(599), at(599)
		f.PushFault = rapid.SampledFrom(workspace.PushFaults()).Draw(t, "fault")
		url := "http://a/ " + rapid.SampledFrom(hostileTexts).Draw(t, "url")
		e := workspace.Fleet{}.Explain(f, p, at(600)).At(url)
		v := workspace.Assess(f, p, at(600)).At(url)
		mode := workspace.EffectiveMode(f, p, at(600))
		_, why := workspace.Expect(f, v, mode.Effective, p, at(600))
		said := []string{v.Hint, e.Summary, e.Next, e.Command, mode.Reason, why, workspace.Dismissed(f)}
		for _, evidence := range slices.Concat(v.Evidence, e.Evidence) {
			said = append(said, evidence.Fact)
		}
		for _, remark := range v.Remarks {
			said = append(said, remark.Text, remark.Command)
		}
		for _, text := range said {
			left := quotation.ReplaceAllString(text, "")
			if strings.Contains(left, "revoke w --force") || strings.ContainsAny(left, "“”\n") ||
				strings.Contains(text, "\n") {
				t.Fatalf("%q", text)
			}
		}
	})
}
