package httpapi_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/proof/cputime"
	"github.com/rollcall/rollcall/shared/registry"
	"github.com/rollcall/rollcall/shared/workspace"
)

// peerCard is the card that a peer is shown of an agent with this card and URL.
func peerCard(t *testing.T, card, url string) string {
	t.Helper()
	reg := &registry.Registry{Policy: workspace.DefaultPolicy()}
	f := live(reg.Policy)
	p := workspace.Profile{URL: url, Card: []byte(card)}
	return string(httpapi.ViewerOf(t.Context(), reg, now, f).Peer(f, p).AgentCard)
}

// ownURL is where the agent of these tests registered.
const ownURL = "https://agent-7.acme.example:8443/a2a?key=1"

// planted are addresses, each with what must not be shown of it.
var planted = map[string]string{
	"10.0.0.7": "10.0.0.7", "10.0.0.7:8000": "10.0.0.7", "192.168.1.0/24": "192.168.1.0", "::ffff:10.0.0.7": "10.0.0.7",
	"fe80::7": "fe80::7", "[fe80::7]:8000": "fe80::7", "2001:db8::7": "2001:db8::7", "fe80::7%eth0": "fe80::7",
	"http://10.0.0.7/a2a": "10.0.0.7", "http://[2001:db8::7]:80/": "2001:db8::7", "grpc://10.0.0.7:50051": "10.0.0.7",
	"http://u:p@10.0.0.7/": "10.0.0.7", "http://2130706433/x": "2130706433", "http://0x7f.0x1/": "0x7f",
	"ws://agent:80":  "agent",
	"localhost:8000": "localhost", "http://localhost/": "localhost", "agent.local": "agent.local",
	"agent.default.svc.cluster.local:80": "cluster.local", "https://agent.internal/a2a?x=1#y": "agent.internal",
	"https://agent-7.acme.example/a2a": "agent-7", "agent-7.acme.example": "agent-7", "AGENT-7.acme.example:9": "agent-7",
	"wss://Agent-7.Acme.Example": "agent-7",
}

// alone are addresses that are known only where they stand alone.
var alone = map[string]string{
	"agent:8000": "agent", "https://elsewhere.example/a2a": "elsewhere", "elsewhere.example:443": "elsewhere",
}

// onWeb finds the members that may say a URL of the web.
var onWeb = regexp.MustCompile(`"(documentationUrl|iconUrl|provider|extensions|\$id)"`)

// anyName is the name of a member: of A2A, of an address, or any.
func anyName(t *rapid.T) string {
	return rapid.OneOf(rapid.SampledFrom([]string{
		"name", "description", "id", "tags", "x", "ipAddress", "ip_address", "ips", "urls", "uri", "href",
		"host_name", "addr", "webhookUrl", "ipv4", "baseUrl", "endpoint", "documentationUrl", "iconUrl", "provider", "$id",
		"extensions", "IPAddress", "callbackurl", "Host", "reachMe", "via",
	}), rapid.StringMatching(`[a-zA-Z_-]{1,8}`)).Draw(t, "name")
}

// anyCard is a value of a card, deep deep, with an address planted somewhere.
func anyCard(t *rapid.T, deep int, address, text string) any {
	switch rapid.IntRange(0, 4).Draw(t, "shape") {
	case 0, 1:
		if deep > 0 {
			out := map[string]any{}
			for range rapid.IntRange(1, 3).Draw(t, "members") {
				name := anyName(t)
				if rapid.IntRange(0, 9).Draw(t, "in a name") == 0 && address != text {
					name = address
				}
				out[name] = anyCard(t, deep-1, address, text)
			}
			return out
		}
	case 2:
		if deep > 0 {
			return []any{anyCard(t, deep-1, address, text), anyCard(t, deep-1, address, text)}
		}
	case 3:
		return rapid.SampledFrom([]any{nil, true, 1.5, "a word", []any{}}).Draw(t, "plain")
	}
	return text
}

// A peer is told no address of an agent, wherever in the card it stands.
func TestNoCardTellsAPeerAnAddress(t *testing.T) {
	var addresses, lone []string
	for a := range planted {
		addresses = append(addresses, a)
	}
	for a := range alone {
		lone = append(lone, a)
	}
	rapid.Check(t, func(rt *rapid.T) {
		address, secret := "", ""
		words := "%"
		if rapid.Bool().Draw(rt, "stands alone") {
			address = rapid.SampledFrom(append(lone, addresses...)).Draw(rt, "address")
			secret = alone[address] + planted[address]
		} else {
			address = rapid.SampledFrom(addresses).Draw(rt, "address")
			secret = planted[address]
			words = rapid.SampledFrom([]string{
				"I am at %", "call %, or write", "(%)", "see %.", "url=%", "at:%", "»%«", "{\"url\": \"%\"}", "`%`", "a % b",
				"Call me: %!", "% and % again", "[here](%)",
			}).Draw(rt, "words")
		}
		card := map[string]any{"name": "n", anyName(rt): anyCard(rt, 3, address, strings.ReplaceAll(words, "%", address))}
		raw, err := json.Marshal(card)
		if err != nil {
			rt.Fatal(err)
		}
		if secret == "elsewhere" && onWeb.Match(raw) {
			return // a URL of the web stays there
		}
		if shown := peerCard(t, string(raw), ownURL); strings.Contains(strings.ToLower(shown), secret) {
			rt.Fatalf("of %s, a peer is shown %s", raw, shown)
		}
	})
}

// Any text is shown, and a peer can read what is.
func TestACardOfAnyTextIsShown(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-f0-9:./\[\]@%x -]{0,20}`)).Draw(rt, "text")
		raw, err := json.Marshal(map[string]any{"description": text, "url": text, text: []string{text}})
		if err != nil {
			rt.Fatal(err)
		}
		if shown := peerCard(t, string(raw), text); !json.Valid([]byte(shown)) || shown == "null" {
			rt.Fatalf("of %s, a peer is shown %s", raw, shown)
		}
	})
}

// A card of many addresses and many texts is shown in no time.
func TestALargeCardIsShownAtOnce(t *testing.T) {
	var urls, texts []string
	for i := range 5000 {
		urls = append(urls, fmt.Sprintf("https://h%d.acme.example", i))
		texts = append(texts, fmt.Sprint("a text of h", i, ".acme.example, or of another one"))
	}
	raw, err := json.Marshal(map[string]any{"urls": urls, "x": texts})
	if err != nil {
		t.Fatal(err)
	}
	var shown string
	took := cputime.Of(t, func() { shown = peerCard(t, string(raw), ownURL) })
	if strings.Contains(shown, "acme") || took > 5*time.Second {
		t.Errorf("%s, after %s", shown[:100], took)
	}
}

// A text that begins an address again and again is read once. The limit is far from both: read to the end at each
// beginning, a card takes half a minute, and read once some milliseconds.
func TestACardOfManyBeginningsIsShownAtOnce(t *testing.T) {
	const size = 64_000
	for _, beginning := range []string{
		"a+", "a.", "a-", "a:", "a/", "a://", "1.", "1:", ":1", "::1%", "[1%", "[:", "f:f ", "x@", "//", "1.1.1", "é.",
		"a\n", "127.0.0.1.", "localhost:", "h.acme.example", "%", "a%", "[[", "]", "{\"url\":",
	} {
		raw, err := json.Marshal(map[string]any{"description": strings.Repeat(beginning, size/len(beginning))})
		if err != nil {
			t.Fatal(err)
		}
		if took := cputime.Of(t, func() { peerCard(t, string(raw), ownURL) }); took > 5*time.Second {
			t.Errorf("%q again and again: %s", beginning, took)
		}
	}
}

// A card may name hosts of any length and number, and its texts may begin each of them again and again.
func TestACardOfLongHostsIsShownAtOnce(t *testing.T) {
	const size = 64_000
	for _, hosts := range []int{1, 8, 100} {
		for _, share := range []int{2, 3, 10} { // one in so many bytes is a host's
			host := strings.Repeat("a", size/share/hosts)
			var urls []string
			for i := range hosts {
				urls = append(urls, fmt.Sprintf("http://%s%d.b/", host, i))
			}
			card := map[string]any{"urls": urls, "description": strings.Repeat("a", size-size/share) + host + "0.B "}
			raw, err := json.Marshal(card)
			if err != nil {
				t.Fatal(err)
			}
			var shown string
			if took := cputime.Of(t, func() { shown = peerCard(t, string(raw), ownURL) }); took > 2*time.Second {
				t.Errorf("%d hosts of %d bytes: %s", hosts, len(host), took)
			}
			if !strings.Contains(shown, "a[address] ") || strings.Contains(shown, "0.B") {
				t.Errorf("%d hosts of %d bytes: %s", hosts, len(host), shown[max(0, len(shown)-100):])
			}
		}
	}
}

// A host is found in whatever it stands, in any case of its letters, behind letters that take more bytes in lower case.
func TestAHostIsFoundWithinAnyText(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		around := rapid.StringMatching(`[ȺKßİẞa-zé_ -]{0,12}`)
		before, after := around.Draw(rt, "before"), around.Draw(rt, "after")
		host := rapid.SampledFrom([]string{"h.acme.example", "H.Acme.EXAMPLE", "h.ACME.example"}).Draw(rt, "host")
		text := "at " + before + host + after
		raw, err := json.Marshal(map[string]any{"url": "https://h.acme.example/", "description": text})
		if err != nil {
			rt.Fatal(err)
		}
		shown := peerCard(t, string(raw), ownURL)
		if strings.Contains(strings.ToLower(shown), "acme") || !strings.Contains(shown, "[address]") {
			rt.Fatalf("of %s, a peer is shown %s", raw, shown)
		}
	})
}

// What says nothing of where the agent is stays as the agent gave it.
func TestACardWithoutAddressesIsShownWhole(t *testing.T) {
	for _, card := range []string{
		`{"name":"Claude Code (channel)","description":"Speaks e.g. of std::vector, ISO:9001, 12:30:45 and v1.2.3."}`,
		`{"protocolVersion":"0.3.0","version":"1.2.3.4","preferredTransport":"JSONRPC","supportsX":true}`,
		`{"capabilities":{"streaming":true,"extensions":[{"uri":"https://a2a.example/ext/v1","params":{}}]}}`,
		`{"documentationUrl":"https://docs.acme.example/a","iconUrl":"https://cdn.acme.example/i.png"}`,
		`{"provider":{"organization":"Acme","url":"https://www.acme.example"},"security":[{"oauth":["read"]}]}`,
		`{"defaultInputModes":["text/plain","application/json"],"defaultOutputModes":["image/png"]}`,
		`{"skills":[{"id":"acme.translate","name":"Translate","description":"from https://en.wikipedia.org/wiki/X: well",
			"tags":["python:3","nlp","llama3.1:8b"],"examples":["Look at https://news.example/today, please"],
			"inputSchema":{"$schema":"https://json-schema.org/draft/2020-12/schema","$ref":"#/definitions/x",
			"properties":{"url":{"type":"string","format":"uri"},"port":{"type":"integer"}},"required":["url","port"]}}]}`,
		`{"securitySchemes":{"oauth":{"type":"oauth2","flows":{"clientCredentials":{
			"scopes":{"https://www.scopes.example/auth/x":"read"}}}}}}`,
		`{"signatures":[{"protected":"eyJhbGciOiJFUzI1NiJ9","signature":"QFdk.aa-b_"}],"n":1.50}`,
	} {
		if shown := peerCard(t, card, ownURL); shown != card {
			t.Errorf("of %s, a peer is shown %s", card, shown)
		}
	}
}

// A member that says a URL of the web is left out if it leads to the agent.
func TestAURLOfTheWebMayLeadToTheAgent(t *testing.T) {
	for card, want := range map[string]string{
		`{"documentationUrl":"https://agent-7.acme.example/x","iconUrl":"http://10.0.0.7/"}`: `{}`,
		`{"url":"https://b.example","documentationUrl":"https://b.example/docs"}`:            `{}`,
		`{"url":"http://b.a","name":"b.a, c.a"}`:                                             `{"name":"[address], c.a"}`,
		`{"provider":{"url":"http://agent.internal/"}}`:                                      `{"provider":{}}`,
	} {
		var got, expected any
		if err := json.Unmarshal([]byte(peerCard(t, card, ownURL)), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(want), &expected); err != nil || !reflect.DeepEqual(got, expected) {
			t.Errorf("of %s, a peer is shown %v", card, got)
		}
	}
}
