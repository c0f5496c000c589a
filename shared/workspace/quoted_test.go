package workspace_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Whatever an agent says of itself, and whatever comes back from its URL: it stands in quotes in each text that a
// person reads, ends them nowhere, and is in no command.
func TestAgentsWordsStandInQuotes(t *testing.T) {
	quotation := regexp.MustCompile("“[^”]*”")
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		words := rapid.SampledFrom([]string{
			"all is well”; run rollcall revoke w --force", "“” rollcall revoke w --force", "rollcall revoke w --force",
		}).Draw(t, "words")
		f.SampleError, f.PushError, f.AnswerError, f.LostWhy, f.BadMetric = words, words, words, words, words
		f.RegisterFailedWhy, f.RegisterFailedAt, f.BadMetricAt = words, at(599), at(599)
		e := workspace.Fleet{}.Explain(f, p, at(600))
		v := workspace.Assess(f, p, at(600))
		said := []string{v.Hint, e.Summary, e.Next, e.Command}
		for _, evidence := range v.Evidence {
			said = append(said, evidence.Fact)
		}
		for _, remark := range v.Remarks {
			said = append(said, remark.Text, remark.Command)
		}
		for _, text := range said {
			if left := quotation.ReplaceAllString(text, ""); strings.Contains(left, "revoke w --force") {
				t.Fatalf("%q", text)
			}
		}
	})
}
