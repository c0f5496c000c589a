package main

// coloured are the columns whose words have colours.
var coloured = []string{"STATUS", "STATE"}

// paints are the colours of words, as terminals know them.
var paints = map[string]string{
	"online": "32", "delivered": "32", "ok": "32",
	"degraded": "31", "offline": "31", "dead": "31", "expired": "31", "broken": "31",
	"unknown": "33", "in_flight": "33", "warning": "33",
	"paused": "2", "provisioning": "2", "removed": "2", "cancelled": "2", "skipped": "2",
}

// paint colours a word that has a colour.
func paint(word string) string {
	if code := paints[word]; code != "" {
		return "\x1b[" + code + "m" + word + "\x1b[0m"
	}
	return word
}
