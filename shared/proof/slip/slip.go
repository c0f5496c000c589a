// Package slip has names as people misspell them, for tests.
package slip

import (
	"strings"

	"pgregory.net/rapid"
)

// Of is a name as it is written in haste: with a letter left out, doubled or in its neighbour's place, in the plural
// or the singular, in another case, or with other separators.
func Of(t *rapid.T, name string) string {
	words := strings.Split(name, "_")
	for i := range words[1:] {
		words[i+1] = strings.ToUpper(words[i+1][:1]) + words[i+1][1:]
	}
	forms := []string{
		strings.Join(words, ""), strings.ReplaceAll(name, "_", ""), strings.ReplaceAll(name, "_", "-"),
		strings.ToUpper(name), strings.ToLower(name), name + "s", strings.TrimSuffix(name, "s"),
	}
	for i := range name {
		forms = append(forms, name[:i+1]+name[i:])
		if len(name) > 2 {
			forms = append(forms, name[:i]+name[i+1:])
		}
		if i+1 < len(name) {
			forms = append(forms, name[:i]+name[i+1:i+2]+name[i:i+1]+name[i+2:])
		}
	}
	return rapid.SampledFrom(forms).Filter(func(form string) bool { return form != name }).Draw(t, "slip")
}
