package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// long serves lists of n rows in pages of at most 500; each has a next if it is
// full, as the platform's have.
func long(t *testing.T, n int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		limit, err := strconv.Atoi(r.FormValue("limit"))
		if err != nil || limit < 1 || limit > 500 {
			t.Errorf("asked for a page of %q", r.FormValue("limit"))
		}
		from, _ := strconv.Atoi(r.FormValue("cursor"))
		rows := []map[string]any{}
		for i := from; i < min(n, from+limit); i++ {
			row := fmt.Sprintf("row-%d", i)
			rows = append(rows, map[string]any{"id": row, "message_id": row, "summary": row})
		}
		out := map[string]any{"workspaces": rows, "history": rows, "messages": rows, "next": nil}
		if len(rows) == limit {
			out["next"] = strconv.Itoa(from + limit)
		}
		_ = json.NewEncoder(w).Encode(out)
	})
}

func TestListsAreReadPageByPage(t *testing.T) {
	const more = "there are more than "
	for _, c := range []struct {
		args    string
		n, want int
		end     string // how it ends, "" for no line that says more
	}{
		{"history demo", 1200, 50, more + "50: --limit 500 shows up to 500\n"},
		{"history demo", 50, 50, ""},
		{"history demo --limit 700", 1200, 700, more + "700: --limit 2800 shows up to 2800\n"},
		{"history demo --limit 1200", 1200, 1200, ""},
		{"history demo --limit 5000", 1200, 1200, ""},
		{"audit --limit 500", 501, 500, more + "500: --limit 2000 shows up to 2000\n"},
		{"receipts demo", 51, 50, more + "50: --limit 500 shows up to 500\n"},
		{"receipts demo --limit 1000 --state dead", 1000, 1000, ""},
		{"status", 1200, 1200, ""},
		{"history demo --limit 3 -o json", 9, 3, "]\n"},
	} {
		code, out, errs := rollcall(t.Context(), t, long(t, c.n), strings.Fields(c.args)...)
		if code != 0 || errs != "" {
			t.Fatalf("rollcall %s: exit %d: %s", c.args, code, errs)
		}
		rows := map[string]bool{}
		for _, field := range strings.FieldsFunc(out, func(r rune) bool { return strings.ContainsRune(" \n\",", r) }) {
			if strings.HasPrefix(field, "row-") {
				rows[field] = true
			}
		}
		if len(rows) != c.want || !strings.HasSuffix(out, c.end) || c.end == "" && strings.Contains(out, more) {
			t.Errorf("rollcall %s of %d: %d rows, want %d; it ends %q",
				c.args, c.n, len(rows), c.want, out[max(0, len(out)-60):])
		}
	}
}
