package push

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/workspace"
)

// eventStream is the media type of a streamed answer: server-sent events.
const eventStream = "text/event-stream"

// streams reports whether an agent streams its answer.
func streams(resp *http.Response) bool {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return kind == eventStream && succeeded(resp)
}

// readStream reads an answer that is streamed. Its first event is the hand-over: it says whether the agent takes the
// message, and begun is called. The events make the answer. Once the first has come the message is never sent again,
// however the stream ends: the agent is at work on it.
func readStream(resp *http.Response, probe bool, reading turns, begun func()) (r delivery.PushResult) {
	events := bufio.NewReader(io.LimitReader(resp.Body, maxAnswer))
	if mark, _ := events.Peek(len("\ufeff")); len(mark) > 0 && len(chat.WithoutMark(mark)) == 0 {
		_, _ = events.Discard(len(mark))
	}
	first, err := nextEvent(events)
	switch {
	case len(first) > 0 || errors.Is(err, io.EOF): // an empty stream is an empty answer
	case errors.Is(err, errReceived):
		return unreachable(workspace.FaultPage, "%s", receivedWords)
	case resp.Request.Context().Err() != nil:
		return unreachable(workspace.FaultTimeout, "the agent did not answer in time")
	default:
		return unreachable(workspace.FaultBroken, "the answer broke off before its first event")
	}
	reading.take(func() { r = resultOf(probe, resp, first) })
	if r.Handover != delivery.Taken || probe {
		return r
	}
	begun()
	var s chat.Stream
	last := false
	add := func(event []byte) { reading.take(func() { last = s.Add(chat.Repair(event)) }) }
	add(first)
	for !last && err == nil {
		var event []byte
		if event, err = nextEvent(events); len(event) > 0 {
			add(event)
		}
	}
	reading.take(func() {
		r.Answer, r.TaskError = s.Answer(), s.Failure()
		if words, failed := chat.TaskFailure(r.Answer); failed && r.TaskError == "" {
			r.TaskError = words
		}
	})
	switch {
	case last || r.TaskError != "":
	case !errors.Is(err, io.EOF):
		r.Cut = "its stream was not read to its end"
	case chat.StateOf(r.Answer).Underway():
		r.Cut = "its stream ended before the task did"
	}
	return r
}

// nextEvent reads the data of the next event that has any (WHATWG HTML, section 9.2.6). The error is io.EOF at the
// stream's end; what came before it is an event too.
func nextEvent(r *bufio.Reader) (data []byte, err error) {
	for {
		line, err := r.ReadBytes('\n')
		line = bytes.TrimRight(line, "\r\n")
		if value, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(value, []byte(" "))...)
		}
		if err != nil || (len(line) == 0 && len(data) > 0) {
			return data, err
		}
	}
}
