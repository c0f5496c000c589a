package chat_test

import (
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/chat"
)

func TestAPlainMessageIsATextAndNothingBesideIt(t *testing.T) {
	for body, plain := range map[string]bool{
		string(chat.TextBody("m", "hello")):                                                          true,
		string(chat.TextBody("m", strings.Repeat("é", 1000))):                                        true,
		string(chat.TextBody("m", strings.Repeat("é", 9000))):                                        false,
		string(chat.ProbeBody("m")):                                                                  false,
		`{"method":"SendMessage","params":{"message":{"role":"ROLE_USER","parts":[{"text":"hi"}]}}}`: true,
		`{"method":"message/stream","params":{"message":{"parts":[{"text":"hi"}]}}}`:                 false,
		`{"method":"message/send","params":{"message":{"parts":[{"text":"hi"}]},"skill":"no"}}`:      false,
		`{"method":"message/send","params":{"message":{"parts":[{"text":"hi"}],"taskId":"t"}}}`:      false,
		`{"method":"message/send","params":{"message":{"parts":[{"text":"hi","metadata":{}}]}}}`:     false,
		`{"method":"message/send","params":{"message":{"parts":[{"kind":"file","file":{}}]}}}`:       false,
		`{"method":"message/send","params":{"message":{"parts":[]}}}`:                                false,
		`{"method":"message/send","params":{"message":{"parts":["hi"]}}}`:                            false,
		`{"method":"message/send","params":{}}`:                                                      false,
		`{"method":7}`:                                                                               false,
		`[]`:                                                                                         false,
		``:                                                                                           false,
	} {
		if chat.Plain([]byte(body)) != plain {
			t.Errorf("%.120s: plain should be %t", body, plain)
		}
	}
}
