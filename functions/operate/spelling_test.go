package main

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/proof/fixture"
)

// The document says of each URL that a caller names of which characters it is, and no others are taken.
func TestTheDocumentSaysHowAURLIsSpelled(t *testing.T) {
	guard := fixture.Env(t).Registry.Guard
	for shape, member := range map[string]string{
		"RegisterRequest": "url", "A2AParams": "callback_url", "WebhookRequest": "url",
	} {
		_, listed, told := strings.Cut(described(t, shape, member), "letters, digits and ")
		listed, _, more := strings.Cut(listed, " alone. ")
		if !told || !more {
			t.Fatalf("%s.%s: %q", shape, member, described(t, shape, member))
		}
		for c := rune(1); c < 0x180; c++ {
			digit := '0' <= c && c <= '9'
			letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
			taken := guard.Objection("https://agent.example/a?"+string(c)) == ""
			if said := digit || letter || strings.ContainsRune(listed, c); taken != said {
				t.Errorf("%s: %q is taken: %t, and is listed: %t", shape, c, taken, said)
			}
		}
		if guard.Objection("https://agent.example/%C3%A4") != "" || guard.Objection("https://xn--4ca.example/") != "" {
			t.Errorf("%s: another spelling than that which is told", shape)
		}
	}
}

// described is what the OpenAPI document says of a member of a shape.
func described(t *testing.T, shape, member string) string {
	t.Helper()
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct{ Description string }
			}
		}
	}
	text, err := os.ReadFile("../status/openapi.json")
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil {
		t.Fatal(err)
	}
	return document.Components.Schemas[shape].Properties[member].Description
}

// The description of a redrive says how many messages one call puts back.
func TestADescriptionSaysWhereARedriveEnds(t *testing.T) {
	for _, text := range []string{api.Redrive.Summary, described(t, "Redriven", "messages")} {
		if !strings.Contains(text, strconv.Itoa(delivery.MaxRedriven)) {
			t.Errorf("%q", text)
		}
	}
}
