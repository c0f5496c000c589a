package workspace

import (
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/visible"
)

// PushFault is what came back when a hand-over by push failed.
type PushFault string

// The faults. Those of the agent itself are answers of it; the others keep messages from reaching it.
const (
	FaultNone         PushFault = ""
	FaultRefused      PushFault = "connection_refused"
	FaultNoConnection PushFault = "no_connection" // no answer to the attempt to connect
	FaultDNS          PushFault = "dns"
	FaultNoTLS        PushFault = "no_tls" // https, and what answers speaks no TLS
	FaultAuthority    PushFault = "tls_authority"
	FaultExpired      PushFault = "tls_expired" // the certificate has expired, or is not valid yet
	FaultWrongName    PushFault = "tls_name"
	FaultClientTLS    PushFault = "tls_client"        // one is asked for
	FaultTLS          PushFault = "tls"               // another fault of TLS
	FaultForbidden    PushFault = "address_forbidden" // the URL leads to an address that policy forbids
	FaultNetwork      PushFault = "network"           // another fault of the connection
	FaultTimeout      PushFault = "timeout"           // no answer in time
	FaultBroken       PushFault = "answer_broken_off"
	FaultGone         PushFault = "agent_gone" // no answer, at one host after the other, to the same message
	FaultRedirect     PushFault = "redirect"
	FaultNotFound     PushFault = "not_found"        // the path, or POST to it, is not known there
	FaultGateway      PushFault = "gateway"          // what is in front of the agent can't reach it
	FaultPage         PushFault = "not_the_protocol" // a sign-in page, an answer in no known shape
	FaultUnauthorized PushFault = "unauthorized"     // the platform's call is not let in
	FaultClock        PushFault = "clock"            // neither, as its clock is wrong
	FaultHTTP         PushFault = "http_status"      // an error status of the agent
	FaultRPC          PushFault = "protocol_error"   // a JSON-RPC error, or an error in the agent's own words
)

// PushFaults are all faults.
func PushFaults() []PushFault {
	return []PushFault{
		FaultRefused, FaultNoConnection, FaultDNS, FaultNoTLS, FaultAuthority, FaultExpired, FaultWrongName, FaultClientTLS,
		FaultTLS, FaultForbidden, FaultNetwork, FaultTimeout, FaultBroken, FaultGone, FaultRedirect, FaultNotFound,
		FaultGateway, FaultPage, FaultUnauthorized, FaultClock, FaultHTTP, FaultRPC,
	}
}

// pushFaults says of each fault which link of the chain it points at, whether something took the connection, and what
// to do about it.
var pushFaults = map[PushFault]struct {
	hop       Hop
	connected bool
	hint      string // to be read after what came back; %s is the workspace's id
	action    string
}{
	FaultRefused: {
		HopNetwork, false, "nothing listens at the URL it registered: start the agent's server there, or register it " +
			"with the host and port at which it listens", "check_url",
	},
	FaultNoConnection: {
		HopNetwork, false, "nothing answers at the host of the URL it registered: check that address, and the firewall " +
			"between it and the platform", "check_url",
	},
	FaultDNS: {
		HopNetwork, false, "the platform does not find the name in the URL it registered: check how it is spelled, and " +
			"that it is known outside of the agent's own network", "check_url",
	},
	FaultNoTLS: {
		HopNetwork, true, "the URL it registered says https, and what answers there speaks no TLS: register it with " +
			"http, or with the port at which it speaks TLS", "check_url",
	},
	FaultAuthority: {
		HopNetwork, true, "serve a certificate of a public authority at the URL it registered, with its whole chain",
		"check_url",
	},
	FaultExpired: {
		HopNetwork, true, "renew the certificate at the URL it registered", "check_url",
	},
	FaultWrongName: {
		HopNetwork, true, "register it with the name that the certificate is for, or serve one for the name in its URL",
		"check_url",
	},
	FaultClientTLS: {
		HopNetwork, true, "the platform has no certificate to show: let its calls in at the URL it registered, and check " +
			"their signatures instead", "check_url",
	},
	FaultTLS: {
		HopNetwork, true, "check the certificate and the TLS version of the server at the URL it registered", "check_url",
	},
	FaultForbidden: {
		HopNetwork, false, "the URL it registered leads to an address that policy forbids: register it with another",
		"check_url",
	},
	FaultNetwork: {
		HopNetwork, true, "check that the URL it registered can be reached from the platform", "check_url",
	},
	FaultTimeout: {
		HopAgent, true, "the agent took the connection and did not answer: look at what it is doing", "inspect",
	},
	FaultBroken: {HopAgent, true, "look at the agent's log for why it closes the connection", "inspect"},
	FaultGone: {
		HopAgent, true, "the agent goes away each time it is handed this message: look at its log for why, and cancel " +
			"the message", "inspect",
	},
	FaultRedirect: {
		HopNetwork, true, "redirects are not followed: register the agent with the URL that the redirect leads to",
		"check_url",
	},
	FaultNotFound: {
		HopNetwork, true, "the path in the URL it registered is not the agent's: register it with the path at which it " +
			"takes messages by POST", "check_url",
	},
	FaultGateway: {
		HopNetwork, true, "what is in front of the agent (a proxy, a load balancer) can't reach it: check that the " +
			"agent runs behind it", "check_url",
	},
	FaultPage: {
		HopNetwork, true, "what answers at the URL it registered is not an agent: a proxy or a sign-in page may be in " +
			"front of it", "check_url",
	},
	FaultUnauthorized: {
		HopAgent, false, "its clock is wrong, its webhook secret is old, or what is in front of it asks for a credential. " +
			"Restart it: it registers, and is given the present secret. Set the clock that its process reads; " +
			"rollcall doctor %s, run where it runs, compares the machine's. Where a credential is asked for, let the " +
			"platform's calls in, and check their signatures", "inspect",
	},
	FaultClock: {
		HopAgent, false, "its clock is so wrong that it refuses the platform's signatures: set it (NTP), and restart it; " +
			"rollcall doctor %s, run where it runs, says whether it is the machine's clock or its process's own", "inspect",
	},
	FaultHTTP: {HopAgent, false, "look at the agent's log", "inspect"},
	FaultRPC:  {HopAgent, false, "look at the agent's log", "inspect"},
}

// agentsURL is what verdicts call the agent's URL, which the facts don't have.
const agentsURL = "the agent's URL"

// At is the verdict with the URL in its words. Only who may know the URL is shown it.
func (v Verdict) At(url string) Verdict {
	v.Hint, v.Evidence = withURL(v.Hint, url), evidenceWithURL(v.Evidence, url)
	return v
}

// At is the explanation with the URL in its words. Only who may know the URL is shown it.
func (e Explanation) At(url string) Explanation {
	e.Next, e.Evidence = withURL(e.Next, url), evidenceWithURL(e.Evidence, url)
	return e
}

func evidenceWithURL(evidence []Evidence, url string) []Evidence {
	evidence = slices.Clone(evidence)
	for i, e := range evidence {
		evidence[i].Fact = withURL(e.Fact, url)
	}
	return evidence
}

func withURL(words, url string) string {
	const most = 200 // bytes of it
	switch {
	case url == "":
		return words
	case len(url) > most:
		url = strings.ToValidUTF8(url[:most], "") + "…"
	}
	before, after, found := visible.CutUnquoted(words, agentsURL)
	if !found {
		return words
	}
	return before + agentsURL + " " + visible.Quoted(url) + after
}

// Hop is the link of the chain that a fault points at.
func (pf PushFault) Hop() Hop {
	if known, ok := pushFaults[pf]; ok {
		return known.hop
	}
	return HopNetwork
}

// Connected reports whether something took the connection, and no answer of the agent came back: it may be a message
// that brings this about. When nothing listens, or the agent answers an error, a probe tells no more.
func (pf PushFault) Connected() bool { return pushFaults[pf].connected }

// ofStopped reports whether an agent that has stopped brings the fault about.
func (pf PushFault) ofStopped() bool {
	return pf == FaultRefused || pf == FaultNoConnection || pf == FaultDNS || pf == FaultGateway || pf == FaultNetwork
}

// Hangs reports whether a try that ends so holds its drain for as long as it is waited for.
func (pf PushFault) Hangs() bool { return pf == FaultTimeout || pf == FaultNoConnection }

// advice says what to do, to be read after what came back.
func (pf PushFault) advice(id string) (hint, action string) {
	known, ok := pushFaults[pf]
	if !ok {
		known = pushFaults[FaultNetwork]
	}
	return strings.ReplaceAll(known.hint, "%s", id), known.action
}
