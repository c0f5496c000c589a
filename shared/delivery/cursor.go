package delivery

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Cursor is where an agent is in its mail: the sequence number of a row, and the
// epoch of the host it was handed out to.
type Cursor struct{ Seq, Epoch int64 }

// CursorOf is the cursor of a message's row.
func CursorOf(m chat.Message) Cursor { return Cursor{m.Seq, m.Claim.Epoch} }

// ID is the row's id, a UUID of version 8: one client blanks every other id (wire
// contract, section 9.1). From the left it holds the sequence number, so that ids
// sort as their rows do; the epoch; and a tag that ties both to the workspace's life,
// so that a foreign, former or invented id is refused without a look-up. No workspace
// reaches the bounds of the two numbers.
//
//	bits   0-47      48-51    52-63          64-65    66-85          86-127
//	       sequence  version  epoch, high    variant  epoch, low     tag
//	                          12 bits                 20 bits        42 bits
func (c Cursor) ID(life workspace.Life) string {
	var id uuid.UUID
	epoch, tag := uint64(c.Epoch), c.tag(life)
	binary.BigEndian.PutUint64(id[:8], uint64(c.Seq)<<16|8<<12|epoch>>20)
	binary.BigEndian.PutUint64(id[8:], 0b10<<62|(epoch&(1<<20-1))<<42|tag)
	return id.String()
}

// tag is 42 bits of a digest of the life and the cursor.
func (c Cursor) tag(life workspace.Life) uint64 {
	var head bytes.Buffer
	head.WriteString(life.Key() + "#")
	_ = binary.Write(&head, binary.BigEndian, c) // a buffer takes all
	sum := sha256.Sum256(head.Bytes())
	return binary.BigEndian.Uint64(sum[:8]) >> 22
}

// ParseCursor is ID's inverse. Error: cursor_gone.
func ParseCursor(life workspace.Life, id string) (Cursor, error) {
	u, err := uuid.Parse(id)
	if err != nil {
		return Cursor{}, cursorGone()
	}
	high, low := binary.BigEndian.Uint64(u[:8]), binary.BigEndian.Uint64(u[8:])
	c := Cursor{Seq: int64(high >> 16), Epoch: int64(high&(1<<12-1)<<20 | low>>42&(1<<20-1))}
	if c.Seq < 1 || c.ID(life) != id {
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
	return m.Fetched() && c.Epoch >= m.Claim.Epoch && (m.Seq == c.Seq || (m.Seq < c.Seq && m.Claim.After != c.Seq))
}
