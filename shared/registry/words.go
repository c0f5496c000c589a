package registry

import (
	"context"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// MaxWhole bounds what is kept of an agent's words, in bytes: they stand in the message that they are about, and in the
// profile if they are longer than the lease keeps.
const MaxWhole = 300

// Beginning is what the lease keeps of words, of which the profile has the whole.
func Beginning(words string) string { return chat.Clip(chat.Clip(words, MaxWhole), workspace.MaxWords) }

// Quote keeps in the profile what the lease has the beginning of, if that is not all. If it fails, a status shows the
// beginning.
func (r *Registry) Quote(ctx context.Context, id, words string, of func(*workspace.Words) *string) {
	if len(words) <= workspace.MaxWords {
		return
	}
	p, err := r.Profiles.Profile(ctx, id)
	if err != nil {
		return
	}
	said, whole := p.Words, chat.Clip(words, MaxWhole)
	if kept := of(&said); *kept != whole {
		*kept = whole
		_ = r.Profiles.Quote(ctx, id, p.URL, said)
	}
}
