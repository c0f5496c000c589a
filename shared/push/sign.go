package push

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/rollcall/rollcall/shared/delivery"
)

// sign gives a call the headers of Standard Webhooks: an id that is the same for
// each try, the time of this one, and a signature by each secret over both and the
// body. Without a secret there is no signature.
func sign(req *http.Request, to delivery.Target, id string, body []byte) error {
	return signBy(req, to.Secrets, id, to.At, body)
}

func signBy(req *http.Request, secrets []string, id string, at time.Time, body []byte) error {
	signatures := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		hook, err := webhooks.NewWebhook(secret)
		if err != nil {
			return err
		}
		signature, err := hook.Sign(id, at, body)
		if err != nil {
			return err
		}
		signatures = append(signatures, signature)
	}
	req.Header.Set(webhooks.HeaderWebhookID, id)
	req.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	if len(signatures) > 0 {
		req.Header.Set(webhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	}
	return nil
}
