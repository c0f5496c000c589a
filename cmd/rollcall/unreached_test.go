package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/client"
)

// calls are command lines, one at least of each command that calls the platform, by whether the first call of it
// changes something.
var calls = map[bool][]string{
	false: {
		"audit", "events", "events -f", "explain demo", "history demo", "log demo", "log demo -f", "problems", "status",
		"status demo", "watch", "receipts demo", "token list", "webhook list", "pause --all -y",
		"redrive --all -y", "login URL",
	},
	true: {
		"cancel demo m1", "cancel demo --all -y", "dismiss demo", "probe demo", "redrive demo m1", "repair demo",
		"repair demo other", "rotate demo", "sweep", "adopt demo", "create demo", "enrol", "pause demo", "pause demo other",
		"remove demo --yes", "resume demo", "revoke demo", "withdraw e1", "send demo hello",
		"token create --name ana --scope view", "token revoke t1", "webhook create https://a.example", "webhook test w1",
		"webhook rotate w1", "webhook enable w1", "webhook disable w1", "webhook delete w1",
	},
}

// local are the commands that call no platform, need a terminal, or answer with what is wrong on the way to it.
var local = []string{"completion", "context", "cost", "doctor", "help", "logout", "top", "version"}

// answering is a platform that takes connections, reads a call, and then writes a text. It closes the connection,
// unless it hangs.
func answering(text string, hangs bool) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil || text == "" {
				_, _ = io.WriteString(there, text)
			} else {
				_, _ = io.WriteString(there, "HTTP/1.0 400 Bad Request\r\n\r\n") // it was not HTTP
			}
			if hangs {
				_, _ = io.Copy(io.Discard, there)
			}
		}()
		return here, nil
	}
}

// failing is one way in which a call gets no answer of Rollcall's.
type failing struct {
	dial  func(context.Context) (net.Conn, error)
	url   string
	says  string
	maybe bool // a call that changes something may have been done
}

func failures() map[string]failing {
	const page = "text/html; charset=utf-8\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>"
	fails := func(err error) func(context.Context) (net.Conn, error) {
		return func(context.Context) (net.Conn, error) { return nil, err }
	}
	return map[string]failing{
		"refused": {
			fails(&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}),
			"http://127.0.0.1:80", "nothing listens there (connection refused)", false,
		},
		"no connection": {
			func(context.Context) (net.Conn, error) { time.Sleep(time.Hour); return nil, io.EOF },
			"http://platform", "no connection came about in 40s", false,
		},
		"an unknown host": {
			fails(&net.DNSError{Err: "no such host", Name: "platform", IsNotFound: true}),
			"http://platform", "its host has no address here (no such host)", false,
		},
		"no TLS": {answering("plain", false), "https://platform", "TLS fails: ", false},
		"hung":   {answering("", true), "http://127.0.0.1:80", "it took the call, and no answer came in 40s", true},
		"closed": {answering("", false), "http://platform", "it closed the connection before its answer was whole", true},
		"a page": {
			answering("HTTP/1.1 200 OK\r\nContent-Type: "+page, false), "http://platform",
			"answers, but not as Rollcall does (HTTP 200, an HTML page, text/html)", false,
		},
		"a page of a proxy": {
			answering("HTTP/1.1 502 Bad Gateway\r\nContent-Type: "+page, false), "http://platform",
			"answers, but not as Rollcall does (HTTP 502, an HTML page, text/html)", true,
		},
		"an error of the gateway": {
			answering("HTTP/1.1 500 E\r\nConnection: close\r\n\r\n{\"message\":\"Internal Server Error\"}", false),
			"http://platform", "the platform answered Internal Server Error", true,
		},
		"a timeout of the local gateway": {
			answering("HTTP/1.1 504 E\r\nConnection: close\r\n\r\n"+
				`{"error":"Gateway Timeout","message":"Gateway Timeout","code":"platform_unavailable","hint":"try again"}`, false),
			"http://platform", "the platform answered Gateway Timeout", true,
		},
	}
}

// fail runs a command line against a platform that can't be asked.
func (f failing) fail(t *testing.T, line string) (code int, errs string) {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return f.dial(ctx) }
	transport := &http.Transport{DialContext: dial, DisableKeepAlives: true}
	var out, to bytes.Buffer
	a := &app{out: &output{to: &out}, errs: &to, platform: client.Client{URL: f.url, Transport: transport}}
	root := a.command()
	root.SetArgs(strings.Fields(strings.ReplaceAll(line, "URL", f.url)))
	root.SetIn(strings.NewReader("rcp_x\n"))
	root.SetOut(a.out)
	root.SetErr(&to)
	cmd, err := root.ExecuteContextC(t.Context())
	if err == nil {
		t.Fatalf("it ended well: %s%s", &out, &to)
	}
	return a.reportError(cmd, err), to.String()
}

// Whatever the command, and whatever keeps it from the platform, it says why, what comes next, and of a call that
// changes something whether it may have been done. It does so in JSON too, and waits for one call only.
func TestWhoCanNotReachThePlatformIsToldWhatComesNext(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for name, f := range failures() {
		for changes, lines := range calls {
			for _, line := range lines {
				for _, format := range []string{"", " -o json"} {
					t.Run(name+"/"+line+format, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							defer time.Sleep(2 * time.Hour) // of this bubble: what still dials ends
							began := time.Now()
							code, errs := f.fail(t, line+format)
							if code != exitUnreachable || !strings.Contains(errs, f.says) {
								t.Errorf("exit %d: %s", code, errs)
							}
							if took := time.Since(began); took > longest+sendTries*time.Second {
								t.Errorf("it took %s", took)
							}
							next, said := nextOf(errs, format != "")
							if !strings.Contains(next, "rollcall doctor") {
								t.Errorf("no next step: %s", errs)
							}
							if here := strings.Contains(f.url, "127.0.0.1"); here != strings.Contains(next, "make run") {
								t.Errorf("of a platform at %s: %s", f.url, next)
							}
							maybe, undone := strings.Contains(said, "may have been "), strings.Contains(said, "nothing was done")
							if maybe != (changes && f.maybe) || undone != (changes && !f.maybe) {
								t.Errorf("whether it may have been done: %s", errs)
							}
							if maybe && !strings.Contains(next, "says whether it was done") {
								t.Errorf("nowhere to look: %s", errs)
							}
						})
					})
				}
			}
		}
	}
}

// nextOf is the next step of an error, and all that is said.
func nextOf(errs string, asJSON bool) (next, said string) {
	if !asJSON {
		_, next, _ = strings.Cut(errs, "  next: ")
		return next, errs
	}
	for line := range strings.Lines(errs) {
		var last failure
		if json.Unmarshal([]byte(line), &last) == nil && last.Action != "" {
			next, said = last.Hint, said+last.Error
		}
	}
	return next, said
}

// No command is left out above.
func TestEachCommandThatCallsIsPlayedWithoutAPlatform(t *testing.T) {
	known := slices.Concat(calls[false], calls[true], local)
	var walk func(cmd *cobra.Command, path string)
	walk = func(cmd *cobra.Command, path string) {
		for _, sub := range cmd.Commands() {
			name := strings.TrimSpace(path + " " + sub.Name())
			has := func(line string) bool { return line == name || strings.HasPrefix(line, name+" ") }
			if sub.HasSubCommands() && !slices.Contains(local, name) {
				walk(sub, name)
			} else if sub.Runnable() && !slices.ContainsFunc(known, has) {
				t.Errorf("%s is not played", name)
			}
		}
	}
	walk((&app{out: &output{to: io.Discard}, errs: io.Discard}).command(), "")
}
