package httpapi

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

// What is stored already, and has a number that some clients can't read, is handed out without it.
func TestARepliesNumbersCanBeRead(t *testing.T) {
	body := json.RawMessage(`{"n":` + strings.Repeat("7", 5000) + `,"m":[1e999,12]}`)
	resp, err := success(api.GetActivity.Operation, api.ActivityRow{RequestBody: body, ResponseBody: body})
	if err != nil || chat.OddNumber([]byte(resp.Body)) || !strings.Contains(resp.Body, `["1e999",12]`) {
		t.Errorf("%v: %s", err, resp.Body)
	}
}
