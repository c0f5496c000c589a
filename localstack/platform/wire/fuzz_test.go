package wire_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

// A journal that a crash or a hand spoiled is restored up to there, or refused with an error.
func FuzzJournal(f *testing.F) {
	store := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"Items":[]}`))
	}))
	defer store.Close()
	for _, seed := range []string{
		"", "{}\n", `{"op":"PutItem","body":{}}` + "\n", `{"op":"PutItem","body":{}}`,
		"x\n", "\n\n", "\x00\n", `{"op":7}` + "\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "journal.jsonl")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := wire.OpenJournal(path)
		if err != nil {
			t.Fatal(err)
		}
		defer j.Close()
		if n, err := j.Restore(t.Context(), store.URL, map[string]string{"leases": "l"}); n < 0 {
			t.Errorf("%d writes, %v", n, err)
		}
	})
}
