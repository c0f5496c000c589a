package main

import (
	"fmt"
	"strings"

	"github.com/rollcall/rollcall/shared/api"
)

// parameters are the values that parameters of paths have in examples, unless the example gives another one.
var parameters = map[string]string{
	"id": "reviewer", "message_id": messageID, "enrolment_id": "k3x9p2m4", "token_id": "p7r2t5v8",
	"webhook_id": "h4n8q1z6", "file": "console.js",
}

// curl is the call of an example, as one types it in a shell.
func (e example) curl() string {
	method, path, _ := strings.Cut(e.operation.Route, " ")
	for _, values := range []map[string]string{e.path, parameters} {
		for name, value := range values {
			path = strings.ReplaceAll(path, "{"+name+"}", value)
		}
	}
	lines := []string{"curl -X " + method + ` "$ROLLCALL_URL` + path + e.query + `"`}
	if variable := e.credential(); variable != "" {
		lines = append(lines, `-H "Authorization: Bearer $`+variable+`"`)
	}
	if e.body != "" {
		lines = append(lines, "-H 'Content-Type: application/json'", "-d '"+strings.ReplaceAll(e.body, "'", `'\''`)+"'")
	}
	return strings.Join(lines, " \\\n  ")
}

// credential is the variable of the shell that has the call's credential; "": it needs none.
func (e example) credential() string {
	_, people := e.operation.Access.ForPeople()
	switch {
	case e.newcomer || e.operation.Access.Allows(api.ByAnyone):
		return ""
	case e.operation.Tag == "agents" || !people:
		return "AGENT_TOKEN"
	}
	return "ROLLCALL_TOKEN"
}

// shown is the answer of an example, with its status; "" if the page shows none.
func (e example) shown() (string, error) {
	body, err := e.text()
	if body == "" {
		return "", err
	}
	return fmt.Sprintf("HTTP %d\n%s", e.status, body), nil
}
