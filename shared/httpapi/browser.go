package httpapi

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// browserHeaders tell a browser what it may do with any answer: take it for nothing
// but what it says it is, show it in no frame of another page, run nothing in it,
// and tell nobody where it came from. A page is given what it needs by pagePolicy.
var browserHeaders = map[string]string{
	"x-content-type-options":       "nosniff",
	"x-frame-options":              "DENY",
	"referrer-policy":              "no-referrer",
	"cross-origin-opener-policy":   "same-origin",
	"cross-origin-resource-policy": "same-origin",
	"content-security-policy":      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}

// pagePolicy is the content security policy of a page. The page runs just the
// scripts and styles that stand in it as elements, which are named by their
// digests, and those files of the API's own origin that it loads. It calls nothing
// but the API that it came from. No script of it can make HTML of a text (trusted
// types), so a text that an agent wrote is never anything else.
func pagePolicy(page string) string {
	policy := browserHeaders["content-security-policy"] + "; connect-src 'self'; require-trusted-types-for 'script'" +
		"; script-src " + sources(page, "script", "<script src=") +
		"; style-src " + sources(page, "style", `<link rel="stylesheet" `)
	if strings.Contains(page, `<link rel="icon" `) {
		policy += "; img-src 'self'"
	}
	return policy
}

// sources are the elements of a kind that stand in a page, as a policy names them; loaded is how the page
// loads such a file.
func sources(page, element, loaded string) string {
	var out []string
	if strings.Contains(page, loaded) {
		out = append(out, "'self'")
	}
	for {
		_, rest, found := strings.Cut(page, "<"+element+">")
		if !found {
			break
		}
		var content string
		content, page, _ = strings.Cut(rest, "</"+element+">")
		digest := sha256.Sum256([]byte(content))
		out = append(out, "'sha256-"+base64.StdEncoding.EncodeToString(digest[:])+"'")
	}
	if len(out) == 0 {
		return "'none'"
	}
	return strings.Join(out, " ")
}
