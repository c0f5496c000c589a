// Package throughput measures, side by side in one run, how many messages a second go through Rollcall and through what
// a user would weigh against it: accepted, handed out, acknowledged, and their receipt read. It is a module of its own,
// because its peers pull in modules that Rollcall has no use for. Nothing depends on it, and nothing is gated on a time.
package throughput
