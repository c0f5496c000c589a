package httpapi

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

// A cursor leads back to its place, in its own call about its own workspace alone. It tells nobody the place, and the
// same place has the same cursor.
func TestACursorTellsNoPlace(t *testing.T) {
	callOf := func(route, id, root string) Call {
		c := Call{root: token.Digest(root)}
		c.APIGatewayV2HTTPRequest = events.APIGatewayV2HTTPRequest{
			RouteKey: route, PathParameters: map[string]string{"id": id},
		}
		return c
	}
	own := callOf("GET /workspaces", "", "root")
	rapid.Check(t, func(rt *rapid.T) {
		place := rapid.StringMatching(`[a-z0-9#.-]{3,90}`).Draw(rt, "place")
		cursor := *own.NextCursor(place)
		if got, err := own.ReadCursor(cursor); err != nil || got != place || *own.NextCursor(place) != cursor {
			rt.Fatalf("%q comes back as %q, %v", place, got, err)
		}
		if raw, err := base64.RawURLEncoding.DecodeString(cursor); err != nil || strings.Contains(string(raw), place) {
			rt.Fatalf("%q stands in its cursor, %v", place, err)
		}
		for name, other := range map[string]Call{
			"another call":       callOf("GET /workspaces/{id}/messages", "", "root"),
			"another workspace":  callOf("GET /workspaces", "w", "root"),
			"another deployment": callOf("GET /workspaces", "", "other"),
		} {
			if _, err := other.ReadCursor(cursor); fault.CodeOf(err) != fault.InvalidRequest {
				rt.Fatalf("%s: %v", name, err)
			}
		}
		forged := rapid.SampledFrom([]string{
			base64.RawURLEncoding.EncodeToString([]byte(place)),
			cursor[:len(cursor)-1], "A" + cursor, cursor + "AAAA", "%", "AAAA",
		}).Draw(rt, "forged")
		if _, err := own.ReadCursor(forged); fault.CodeOf(err) != fault.InvalidRequest {
			rt.Fatalf("%q: %v", forged, err)
		}
	})
	if got, err := own.ReadCursor(""); got != "" || err != nil || own.NextCursor("") != nil {
		t.Errorf("the first page begins at %q, %v", got, err)
	}
}
