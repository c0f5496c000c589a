package httpapi

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"

	"github.com/rollcall/rollcall/shared/fault"
)

// A cursor says where the page before ended. That may be at something which its reader may not see: a workspace of
// another team, a message of another sender, what an operator did. So a cursor is sealed, for one call about one
// workspace. The same place has the same cursor, else the entity tag of a list would change with each call.

// NextCursor is the cursor of the page that begins after end; nil when end is "" and there is none.
func (c Call) NextCursor(end string) *string {
	if end == "" {
		return nil
	}
	seal := c.cursorSeal()
	call := c.cursorCall()
	nonce := mac(c.cursorKey(), call, end)[:seal.NonceSize()]
	cursor := base64.RawURLEncoding.EncodeToString(seal.Seal(nonce, nonce, []byte(end), []byte(call)))
	return &cursor
}

// ReadCursor is where the page before ended, "" without a cursor. Error: invalid_request.
func (c Call) ReadCursor(cursor string) (end string, err error) {
	if cursor == "" {
		return "", nil
	}
	seal := c.cursorSeal()
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if n := seal.NonceSize(); err == nil && len(raw) > n {
		if text, err := seal.Open(nil, raw[:n], raw[n:], []byte(c.cursorCall())); err == nil {
			return string(text), nil
		}
	}
	return "", fault.New(fault.InvalidRequest, "cursor is not one that this call gave").
		WithHint("begin again without a cursor", "stop")
}

// cursorSeal seals and opens cursors.
func (c Call) cursorSeal() cipher.AEAD {
	block, _ := aes.NewCipher(c.cursorKey()) // neither can fail: the key has 32 bytes, and AES has blocks of 16
	seal, _ := cipher.NewGCM(block)
	return seal
}

// cursorKey is made of the root credential's digest, which all functions have and no caller does.
func (c Call) cursorKey() []byte { return mac(c.root[:], "cursors") }

// cursorCall is which call a cursor is for.
func (c Call) cursorCall() string { return c.RouteKey + "\n" + c.PathParameters["id"] }

// mac is the keyed digest of texts.
func mac(key []byte, texts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, text := range texts {
		h.Write([]byte(text + "\n"))
	}
	return h.Sum(nil)
}
