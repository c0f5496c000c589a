package main

import (
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/visible"
)

var (
	// named is a call of the API in a sentence: POST /workspaces/demo/repair.
	named = regexp.MustCompile(`\b(GET|POST|DELETE) (/[a-z][^\s(),;]*)`)
	// besides is a call in parentheses after the command that makes it.
	besides = regexp.MustCompile(`(rollcall [^()]*) \((?:GET|POST|DELETE) /[^()]*\)`)
)

// memberFlags are the flags that give a member of a call's body, where the flag has another name: a command has at most
// one of them.
var memberFlags = map[string][]string{
	"expires_in_seconds":   {"expires", "for"},
	"delivery_mode":        {"mode"},
	"max_concurrent_tasks": {"max-tasks"},
	"statuses":             {"status"},
	"messages":             {"message"},
	"messageId":            {"id"},
}

// member is what may be a member of a call's body in a refusal: the word that it begins with, or one of several words.
var member = regexp.MustCompile(`^[a-zA-Z]+(?:_[a-z]+)*\b|\b[a-z]+(?:_[a-z]+)+\b`)

// inFlags is a refusal of what a command sent, in words of who wrote its flags: each member that a flag gives is that
// flag. What is quoted stays as it is.
func inFlags(cmd *cobra.Command, text string) string {
	flags := cmd.LocalNonPersistentFlags()
	return visible.OutsideQuotes(text, func(own string) string {
		return member.ReplaceAllStringFunc(own, func(name string) string {
			for _, flag := range append([]string{strings.ReplaceAll(name, "_", "-")}, memberFlags[name]...) {
				switch {
				case flags.Lookup(flag) == nil:
				case strings.HasSuffix(name, "_in_seconds"):
					return "--" + flag + " (in seconds)"
				default:
					return "--" + flag
				}
			}
			return name
		})
	})
}

// adopts is how the platform names what rollcall adopt does.
const adopts = `send "adopt": true`

// asCommands is a sentence of the platform for who uses this program: its calls of the API are
// commands. What no command does stays as it is, and so does what is quoted: nobody else's words become a command.
func asCommands(text string) string {
	text = strings.Join(visible.SplitUnquoted(text, adopts), "use rollcall adopt")
	return visible.OutsideQuotes(text, ownAsCommands)
}

// ownAsCommands is asCommands of words that are the platform's own.
func ownAsCommands(text string) string {
	text = besides.ReplaceAllString(text, "$1")
	return named.ReplaceAllStringFunc(text, func(call string) string {
		method, path, _ := strings.Cut(call, " ")
		bare := strings.TrimRight(path, ".:") // the sentence's own
		if command := commandOf(method, bare); command != "" {
			return command + path[len(bare):]
		}
		return call
	})
}

// commands are the commands that make a call, by its method and its path with ID for the workspace.
var commands = map[string]string{
	"GET /healthz":                        "rollcall problems",
	"GET /whoami":                         "rollcall context",
	"GET /workspaces":                     "rollcall status",
	"POST /workspaces":                    "rollcall create",
	"GET /workspaces/ID":                  "rollcall status ID",
	"DELETE /workspaces/ID":               "rollcall remove ID",
	"GET /workspaces/ID/explain":          "rollcall explain ID",
	"GET /workspaces/ID/history":          "rollcall history ID",
	"GET /workspaces/ID/activity":         "rollcall log ID",
	"GET /workspaces/ID/messages":         "rollcall receipts ID",
	"GET /workspaces/ID/messages/MESSAGE": "rollcall receipts ID MESSAGE",
	"POST /workspaces/ID/a2a":             "rollcall send ID TEXT",
	"GET /events":                         "rollcall events",
	"GET /audit":                          "rollcall audit",
	"POST /enrolments":                    "rollcall enrol",
	"DELETE /enrolments/ENROLMENT":        "rollcall withdraw ENROLMENT",
	"GET /tokens":                         "rollcall token list",
	"POST /tokens":                        "rollcall token create --name ana --scope view",
	"DELETE /tokens/TOKEN":                "rollcall token revoke TOKEN",
	"POST /sweep":                         "rollcall sweep",
	"GET /webhooks":                       "rollcall webhook list",
	"POST /webhooks":                      "rollcall webhook create https://hooks.example.com/rollcall",
	"DELETE /webhooks/WEBHOOK":            "rollcall webhook delete WEBHOOK",
	"POST /webhooks/WEBHOOK/test":         "rollcall webhook test WEBHOOK",
	"POST /webhooks/WEBHOOK/rotate":       "rollcall webhook rotate WEBHOOK",
	"POST /webhooks/WEBHOOK/enable":       "rollcall webhook enable WEBHOOK",
	"POST /webhooks/WEBHOOK/disable":      "rollcall webhook disable WEBHOOK",
}

// workspaceVerbs are the calls about a workspace whose last word is the command's name; so are those about
// one of its messages.
var workspaceVerbs = regexp.MustCompile(`^/workspaces/([^/]+)/(?:messages/([^/]+)/)?` +
	`(repair|rotate|revoke|pause|resume|dismiss|probe|redrive|cancel)$`)

// commandOf is the command that makes a call; "" when there is none.
func commandOf(method, path string) string {
	path, _, _ = strings.Cut(path, "?")
	if m := workspaceVerbs.FindStringSubmatch(path); m != nil && method == "POST" {
		return strings.TrimRight("rollcall "+m[3]+" "+m[1]+" "+m[2], " ")
	}
	for call, command := range commands {
		known, route, _ := strings.Cut(call, " ")
		if values, ok := fill(route, path); ok && known == method {
			return values.Replace(command)
		}
	}
	return ""
}

// fill reads what a path has where a route has a name in capitals.
func fill(route, path string) (*strings.Replacer, bool) {
	names, values := strings.Split(route, "/"), strings.Split(path, "/")
	if len(names) != len(values) {
		return nil, false
	}
	var pairs []string
	for i, name := range names {
		switch {
		case name == values[i]:
		case name != "" && name == strings.ToUpper(name) && values[i] != "":
			pairs = append(pairs, name, values[i])
		default:
			return nil, false
		}
	}
	return strings.NewReplacer(pairs...), true
}
