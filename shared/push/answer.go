package push

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/rollcall/rollcall/shared/delivery"
)

// rpcAnswer is what is read of a JSON-RPC response.
type rpcAnswer struct {
	JSONRPC string `json:"jsonrpc"`
	Error   *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// resultOf decides what an agent's answer means. The first rule that matches holds:
//
//   - Any JSON-RPC answer to a probe is a delivery, even an error: it shows that an
//     agent listens at the URL.
//   - 429 and 503 mean that the agent is busy.
//   - Any other status that is not 2xx is a failure.
//   - A 2xx whose body is no JSON object is a delivery without an answer to keep.
//   - A JSON-RPC error is a failure.
//   - Everything else is a delivery, and the body is its answer.
func resultOf(probe bool, status int, header http.Header, body []byte) delivery.PushResult {
	var rpc rpcAnswer
	isObject := json.Unmarshal(body, &rpc) == nil
	switch {
	case probe && isObject && rpc.JSONRPC != "":
		return delivery.PushResult{}
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable:
		return delivery.PushResult{Busy: true, RetryAfter: retryAfter(header)}
	case status >= 300:
		return delivery.PushResult{Err: fmt.Errorf("the agent answered HTTP %d", status)}
	case !isObject:
		return delivery.PushResult{}
	case rpc.Error != nil:
		return delivery.PushResult{Err: fmt.Errorf("the agent answered error %d: %.200s", rpc.Error.Code, rpc.Error.Message)}
	}
	return delivery.PushResult{Answer: body}
}

// retryAfter reads Retry-After in seconds. It is 0 when the agent names none, or
// names a date.
func retryAfter(header http.Header) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}
