package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
)

// Cursor is where an agent is in its mail: the sequence number of a row, and the
// epoch of the host it was handed out to.
type Cursor struct{ Seq, Epoch int64 }

// CursorOf is the cursor of a message's row.
func CursorOf(m chat.Message) Cursor { return Cursor{m.Seq, m.Claim.Epoch} }

// ID is the row's id: the cursor and a tag that ties it to its workspace, so that
// a foreign or invented id is refused without a look-up.
func (c Cursor) ID(workspace string) string {
	head := fmt.Sprintf("%d.%d", c.Seq, c.Epoch)
	sum := sha256.Sum256([]byte(workspace + "#" + head))
	return head + "-" + hex.EncodeToString(sum[:6])
}

// ParseCursor is ID's inverse. Error: cursor_gone.
func ParseCursor(workspace, id string) (Cursor, error) {
	var c Cursor
	_, err := fmt.Sscanf(id, "%d.%d-", &c.Seq, &c.Epoch)
	if err != nil || c.Seq < 1 || c.Epoch < 0 || c.ID(workspace) != id {
		return Cursor{}, cursorGone()
	}
	return c, nil
}

func cursorGone() error {
	return fault.New(fault.CursorGone, "since_id is not a row of this workspace").
		WithHint("drop the cursor and poll without it", "drop_cursor")
}

// proves reports whether the returning cursor proves that the agent got m. The
// cursor of m's own row does. A later one does if m was handed out before it:
// not when the agent sent the same cursor to the poll that handed m out (then
// that reply was lost), and not when m was never handed out at all, as a message
// that comes back late, after a failed push or a redrive. The cursor of a former
// host proves nothing of what a newer one was handed.
func (c Cursor) proves(m chat.Message) bool {
	handedOut := m.State == chat.InFlight && m.Claim.Token == pollClaim
	return handedOut && c.Epoch >= m.Claim.Epoch && (m.Seq == c.Seq || (m.Seq < c.Seq && m.Claim.After != c.Seq))
}
