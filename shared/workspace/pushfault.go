package workspace

// PushFault is what came back when a hand-over by push failed.
type PushFault string

// The faults. Those of the agent itself are answers of it; the others keep messages from reaching it.
const (
	FaultNone      PushFault = ""
	FaultRefused   PushFault = "connection_refused"
	FaultDNS       PushFault = "dns"
	FaultTLS       PushFault = "tls"
	FaultForbidden PushFault = "address_forbidden" // the URL leads to an address that policy forbids
	FaultNetwork   PushFault = "network"           // another fault of the connection
	FaultTimeout   PushFault = "timeout"           // no answer in time
	FaultBroken    PushFault = "answer_broken_off"
	FaultRedirect  PushFault = "redirect"
	FaultPage      PushFault = "not_the_protocol" // a page of a proxy, a sign-in page, an answer in no known shape
	FaultHTTP      PushFault = "http_status"      // an error status of the agent
	FaultRPC       PushFault = "protocol_error"   // a JSON-RPC error, or an error in the agent's own words
)

// Hop is the link of the chain that a fault points at.
func (pf PushFault) Hop() Hop {
	switch pf {
	case FaultHTTP, FaultRPC, FaultTimeout, FaultBroken:
		return HopAgent
	}
	return HopNetwork
}

// Connected reports whether something took the connection, and no answer of the agent came back: it may be a message
// that brings this about. When nothing listens, or the agent answers an error, a probe tells no more.
func (pf PushFault) Connected() bool {
	switch pf {
	case FaultTLS, FaultNetwork, FaultTimeout, FaultBroken, FaultRedirect, FaultPage:
		return true
	}
	return false
}

// advice says what to look at, to be read after what came back.
func (pf PushFault) advice() (hint, action string) {
	switch pf {
	case FaultRefused:
		return "nothing listens at the URL it registered: check that the agent serves there", "check_url"
	case FaultDNS:
		return "the name in the URL it registered can't be resolved from the platform", "check_url"
	case FaultTLS:
		return "the certificate at the URL it registered is not accepted", "check_url"
	case FaultForbidden:
		return "the URL it registered leads to an address that policy forbids: register it with another one", "check_url"
	case FaultRedirect:
		return "redirects are not followed: register the agent with the URL that the redirect leads to", "check_url"
	case FaultPage:
		return "what answers at the URL it registered is not an agent: a proxy or a sign-in page may be in front of it",
			"check_url"
	case FaultTimeout:
		return "the agent took the connection and did not answer: look at what it is doing", "inspect"
	case FaultHTTP, FaultRPC, FaultBroken:
		return "look at the agent's log", "inspect"
	}
	return "check that the URL it registered can be reached from the platform", "check_url"
}
