package push_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/push"
	"github.com/rollcall/rollcall/shared/workspace"
)

// result is an answer of the protocol.
const result = `{"jsonrpc":"2.0","id":"m","result":{"kind":"message","parts":[{"kind":"text","text":"hello"}]}}`

// says answers with a body of a type.
func says(contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}
}

// inPieces sends each piece at once, so that the answer comes in chunks.
func inPieces(pieces ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for _, p := range pieces {
			_, _ = io.WriteString(w, p)
			w.(http.Flusher).Flush()
		}
	}
}

// raw answers with bytes that no server of HTTP would send, and closes the connection.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = io.WriteString(conn, answer)
		_ = conn.Close()
	}
}

func zipped(text string) string {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = io.WriteString(w, text) // a buffer takes all
	_ = w.Close()
	return out.String()
}

// inGzip answers in gzip, to a client that takes it.
func inGzip(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			panic("the client takes no gzip")
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, body)
	}
}

// hangs answers nothing, or only a part, until the client gives up.
func hangs(part string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // so that the server sees that the client is gone
		if part != "" {
			_, _ = io.WriteString(w, part)
			w.(http.Flusher).Flush()
		}
		<-r.Context().Done()
	}
}

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(code)
	}
}

// Agents answer in every way that HTTP has, and in some that it hasn't. An answer of the
// protocol is taken whatever its form is; for another it is said what came back.
func TestAnswersInOddForms(t *testing.T) {
	huge := strings.Repeat(" ", 2<<20)
	const taken, busy, unreached = delivery.Taken, delivery.Busy, delivery.Unreachable
	const page, redirect, late = workspace.FaultPage, workspace.FaultRedirect, workspace.FaultTimeout
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	const fiveHundred = "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
	for name, c := range map[string]struct {
		agent http.HandlerFunc
		want  delivery.Handover
		fault workspace.PushFault
	}{
		"in chunks":                        {inPieces(result[:20], result[20:60], result[60:]), taken, ""},
		"in gzip":                          {inGzip(zipped(result)), taken, ""},
		"of HTTP/1.0, without a length":    {raw("HTTP/1.0 200 OK\r\n\r\n" + result), taken, ""},
		"as text":                          {says("text/plain", result), taken, ""},
		"as HTML":                          {says("text/html", result), taken, ""},
		"as JSON in a charset":             {says("application/json; charset=UTF-8", result), taken, ""},
		"of a type that is none":           {says("json;;", result), taken, ""},
		"with white space around it":       {says("application/json", "\r\n\t "+result+"\n\n"), taken, ""},
		"behind a byte order mark":         {says("application/json", "\ufeff"+result), taken, ""},
		"behind a mark and white space":    {says("application/json", "\ufeff\r\n"+result), taken, ""},
		"204":                              {status(204), taken, ""},
		"202 without a body":               {status(202), taken, ""},
		"429":                              {status(429, "Retry-After", "7"), busy, ""},
		"503 without a body":               {status(503), busy, ""},
		"200 without a body":               {status(200), unreached, page},
		"a redirect":                       {status(307, "Location", "/there"), unreached, redirect},
		"a redirect to nowhere":            {status(302), unreached, redirect},
		"304":                              {status(304), unreached, redirect},
		"a page":                           {says("text/html", "<html>welcome</html>"), unreached, page},
		"a page of two megabytes":          {says("text/html", "<p>"+huge), unreached, page},
		"JSON of nothing":                  {says("application/json", "null"), unreached, page},
		"two answers":                      {says("application/json", result+result), unreached, page},
		"not the gzip that it says it is":  {inGzip(result), unreached, ""},
		"a gzip that is cut off":           {inGzip(zipped(result)[:30]), unreached, ""},
		"a body that is cut off":           {raw(fiveHundred + result), unreached, ""},
		"chunks that are cut off":          {raw(chunked + "5\r\n{\"js"), unreached, ""},
		"chunks of no length":              {raw(chunked + "x\r\n"), unreached, ""},
		"nothing, and the connection ends": {raw(""), unreached, ""},
		"another protocol":                 {raw("220 mail.example.com ESMTP\r\n"), unreached, ""},
		"nothing in time":                  {hangs(""), unreached, late},
		"half of it in time":               {hangs(result[:20]), unreached, late},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(c.agent)
			defer server.Close()
			m := chat.Message{ID: "m", Workspace: "w", Body: chat.TextBody("m", "hi")}
			patience := time.Minute
			if c.fault == late {
				patience = 300 * time.Millisecond
			}
			p := push.New(push.Private, push.Patience{Answer: patience, Stream: patience})
			got := p.Push(t.Context(), delivery.Target{URL: server.URL}, m)
			if got.Handover != c.want || (c.fault != "" && got.Fault != c.fault) {
				t.Fatalf("%s (%s): %s", got.Handover, got.Fault, got.Why)
			}
			if got.Handover != delivery.Taken && got.Handover != delivery.Busy && got.Why == "" {
				t.Error("it does not say what came back")
			}
			if len(got.Answer) > 0 && chat.Text(got.Answer) != "hello" {
				t.Errorf("the answer is kept as %s", got.Answer)
			}
		})
	}
}

// An agent that answers more than is read has done its work, and is not asked for it again; what is none of the
// protocol is not taken for an answer because it is large.
func TestAHugeAnswerIsTakenWithoutItsWords(t *testing.T) {
	x := strings.Repeat("x", 8<<20)
	answer := `{"jsonrpc":"2.0","id":"m","result":{"parts":[{"kind":"text","text":"` + x + `"}]}}`
	for name, c := range map[string]struct {
		agent http.HandlerFunc
		want  delivery.Handover
	}{
		"plain":                  {says("application/json", answer), delivery.Taken},
		"a bomb in gzip":         {inGzip(zipped(answer)), delivery.Taken},
		"a task":                 {says("application/json", `{"result":{"kind":"task","history":["`+x), delivery.Taken},
		"an object of no answer": {says("application/json", `{"welcome":"`+x+`"}`), delivery.Unreachable},
		"a list":                 {says("application/json", `["`+x+`"]`), delivery.Unreachable},
		"a text":                 {says("text/plain", x), delivery.Unreachable},
	} {
		server := httptest.NewServer(c.agent)
		patience := push.Patience{Answer: 10 * time.Second, Stream: 10 * time.Second}
		to := delivery.Target{URL: server.URL}
		got := push.New(push.Private, patience).Push(t.Context(), to, chat.Message{ID: "m", Workspace: "w"})
		server.Close()
		if got.Handover != c.want {
			t.Errorf("%s: %s (%s) %s", name, got.Handover, got.Fault, got.Why)
		}
		if c.want != delivery.Taken {
			continue
		}
		if got.Cut != "its answer has more than the 1048576 bytes that are read" || chat.Text(got.Answer) != "" ||
			string(got.Answer) != `{"result":{"truncated":true}}` {
			t.Errorf("%s: %q, kept is %.200s", name, got.Cut, got.Answer)
		}
	}
}
