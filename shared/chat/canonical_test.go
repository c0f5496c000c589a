package chat

import (
	"bytes"
	"encoding/json"
	"testing"
)

// decoded is a body in the spelling that digests are made of, as the standard library decodes and writes it.
func decoded(body []byte) []byte {
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return body
	}
	if envelope, ok := v.(map[string]any); ok && envelope["jsonrpc"] != nil {
		delete(envelope, "id")
	}
	out, err := json.Marshal(v)
	if err != nil {
		return body
	}
	return out
}

// A digest that a message was kept with is that of the same message today: its spelling may not change. What is read
// where it stands is what a decoder reads.
func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":7,"b":[1.50,-0,1e3,{"":0,"":1}],"a":"<\u00e9\u2028\n>&\""}`, `{"jsonrpc":null,"id":1}`,
		` [ {"b" : 1 , "a":[ ] , "\u0061":2}, null ] `, `{"id":1}`, `"\ud800x"`, `{"é":1,"z":{},"\u007f":2}`, `[[[]]]`, `7`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		if got, want := canonical(raw), decoded(raw); !bytes.Equal(got, want) {
			t.Errorf("%q: %q, not %q", raw, got, want)
		}
		var all map[string]json.RawMessage
		if json.Unmarshal(raw, &all) != nil {
			return
		}
		o := ObjectOf(raw)
		for _, name := range []string{"a", "b", "id", "jsonrpc"} {
			if got := o.Get(name); string(got) != string(all[name]) {
				t.Errorf("%q: %s is %q, not %q", raw, name, got, all[name])
			}
		}
	})
}
