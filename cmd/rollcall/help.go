package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// helpWidth is how many columns a help text has at most.
const helpWidth = 80

// helpText is what the help of a command says beside its flags.
type helpText struct{ long, examples string }

// helpTexts are the help of each command, by its words. An example is a command line that a person can run.
var helpTexts = map[string]helpText{
	"audit": {`Prints what people did that concerns no single workspace: credentials of
people, enrolment tokens and webhooks, and who was refused. What was done to one
workspace stands in its history.`, `
  rollcall audit --since 2h
  rollcall audit --limit 200 -o json`},
	"events": {`Prints the changes of status of all workspaces, in the order of their numbers.
With -f it waits for more. With --since it goes on after a number that it has
printed before, so that a program misses none.`, `
  rollcall events -f
  rollcall events --since 1200 -o json`},
	"explain": {`Answers: will a message sent now reach its agent, and if not, why, and what
mends it? It names the part of the path that is at fault, what to do, the exact
command, and the dated facts that this was concluded from.`, `
  rollcall explain demo`},
	"history": {`Prints the statuses that the workspace had, each with its reason, and what
operators did to it. It goes on when a workspace is removed and created again.`, `
  rollcall history demo
  rollcall history demo --since 7d --time utc`},
	"log": {`Prints, oldest first: each message with its attempts, its end and the agent's
answer; what the agent said and reported by itself; each change of status; and
what operators did. It reads the newest rows of each kind, as many as --limit
says. With -f it goes on until Ctrl-C, and looks every two seconds. As JSON,
each entry is one line. To read mail takes a credential with the scope operate,
unless chat is open.`, `
  rollcall log demo
  rollcall log demo -f --since 30m`},
	"problems": {`Prints what is wrong and the command that comes next: of the platform, of the
workspaces that are degraded, offline or unknown, or paused or never started
while mail waits for them, of mail that was lost, and of the webhooks that fail
or are disabled, if the credential may list webhooks.
Workspaces that have been silent for more than three days are one line, and so
are those for which the platform itself may be to blame, and those that never
registered and in whose name calls are refused. With --each no line is of
several workspaces: each is told with its cause and its command. It ends with
how many workspaces need a hand, as the console does. With --status, --reason,
--team or --selector it looks at some workspaces only, and at the platform and
the webhooks. It exits with 4 when anything is wrong.`, `
  rollcall problems
  rollcall problems --each --reason never_registered
  rollcall problems --team search --time local`},
	"status": {`Without an ID it prints a line for each workspace, worst first. With one it
prints all that is known of it. With --check it exits with 4 unless each
workspace that it prints is online.`, `
  rollcall status
  rollcall status demo
  rollcall status --status degraded
  rollcall status --selector "mode=poll,name=review*" --check`},
	"top": {`Draws the fleet on a terminal, worst first, again and again, until Ctrl-C.
rollcall watch prints changes to anything that is not a terminal.`, `
  rollcall top
  rollcall top --team search --every 10s`},
	"watch": {`Prints the fleet, and then one line for each change of a status or a reason,
until Ctrl-C. With --status, --reason, --team or --selector it prints a change
if the workspace fits before or after it: with --status degraded, each that
becomes degraded, and each that is no longer.`, `
  rollcall watch
  rollcall watch --status degraded -o json`},

	"cancel": {`Ends messages that wait or are in flight: those that are named, with --from all
from one sender, or with --all all of the workspace. An agent that has one of
them may go on with it. Without an ID, --from with --all, or with the flags that
pick workspaces, ends the mail of that sender in many workspaces.
--dry-run shows which messages these are. Without it a person at a terminal is
asked first, unless --yes is given. rollcall receipts ID says who sent what.`, `
  rollcall cancel demo 0c1f5a0e-6b0b-4b43-8a0a-4a3c6f0a6d52
  rollcall cancel demo --from flooder --dry-run
  rollcall cancel --from flooder --reason inbox_full`},
	"dismiss": {`Forgets the refused calls on a workspace's record, and the warning of a
stranger. Use it when they are not the agent's and can't be told from it, such
as those of a neighbour behind one network address: they keep the workspace
degraded until they are forgotten. Their address is the agent's no more, unless
its last accepted call came from there too. No credential changes. Calls that
are refused from now on are noted again. rollcall history ID shows what was
dismissed.

With --lost or --message the refused calls stay, and messages that died or
expired are closed without being delivered: they are told to be lost no more.
Their receipts stay, and rollcall redrive ID MESSAGE still puts one back.`, `
  rollcall dismiss demo
  rollcall dismiss demo --lost
  rollcall dismiss --selector "name=review*" --dry-run`},
	"doctor": {`Looks at each link between an agent and the platform, in order: the name of the
platform, the connection, TLS, the platform itself, the clock, the agent's
credential and whose it is, its register, its heartbeat, its mail, and its URL.
It names the first one that is broken, and what mends it. Run it where the agent
runs.

It only looks: it registers nothing, sends no heartbeat, takes no mail and does
not begin to use a credential. So it doesn't disturb the agent or change its
status. With --probe and a person's credential, the platform also sends the
agent an empty test message, as rollcall probe does.

The agent's credential is read from --credential-file, else from the file that
ROLLCALL_TOKEN_FILE names, else from ROLLCALL_TOKEN. The ID is that of the
credential, else ROLLCALL_ID. It exits with 4 when a link is broken.`, `
  rollcall doctor demo
  rollcall doctor demo --credential-file /var/lib/agent/token`},
	"probe": {`Sends an empty test message the way that every message goes, and follows it
until it has arrived or a try has failed. It says what failed, when it is tried
next and until when. The agent does no work for it. A probe that does not arrive
counts against the workspace. It exits with 4 when it did not arrive. With
--to-end it follows the probe to its end, also after a try that failed.`, `
  rollcall probe demo
  rollcall probe demo --to-end
  rollcall probe --status degraded --timeout 1m`},
	"redrive": {`Puts messages that were lost (dead or expired) back into the mailbox, each with
its id and its place, for new attempts: those that are named, or all of the
workspace. With --all, or the flags that pick workspaces, it does so for many.
--dry-run shows which messages these are. First see what ended them (rollcall
receipts ID --lost), and mend that: else it ends them again. Then put one back,
and the others when it is taken. To close them without delivering them, run
rollcall dismiss ID --lost.`, `
  rollcall redrive demo --dry-run
  rollcall redrive demo
  rollcall redrive demo 0c1f5a0e-6b0b-4b43-8a0a-4a3c6f0a6d52`},
	"repair": {`Ends every credential of the workspace, and for 15 minutes gives its agent a new
one when it registers. Only one network address is given it: that of the agent's
last accepted call, or the one that --from names; with --anyone, whoever
registers first. It is closed when the new credential is first used, so an agent
that lost the reply can ask again. Restart the agent afterwards if it does
not register again within a minute. --wait waits until it is back.

An agent that takes its credential from its environment or a file can't fetch
one. For it, --show prints a credential to place there, and lets nobody fetch
one. rollcall explain ID prints the command that fits the workspace now.

When the agent works with its credential, repair asks first, or wants --force.
rollcall repair --reason credentials_rejected --dry-run shows whose are refused;
without --dry-run it asks, and repairs each by the command that explain prints.
One for which that is another command, or shows a credential, is left out, and
repair says so.`, `
  rollcall repair demo
  rollcall repair demo --from 192.0.2.7 --wait 10m
  rollcall repair demo --show
  rollcall repair --reason credentials_rejected --dry-run`},
	"rotate": {`Makes a new credential and prints it. Place it where the agent reads its
credential, and restart the agent. The one in use stays good until the new one
is first used, so the agent is never cut off. With --fetch the agent is told to
fetch the new one itself. For a credential that somebody else may have, use
rollcall revoke.`, `
  rollcall rotate demo
  rollcall rotate demo --fetch`},
	"sweep": {`Looks at all workspaces now, as the platform does each minute: wakes deliveries,
ends messages whose time is up, corrects counts, and records changes of status.
Use it when the platform itself may be at fault.`, `
  rollcall sweep`},

	"adopt": {`Takes over a workspace that exists, and resets what Rollcall knows of it: how it
gets its mail, what its status rests on, its runtime and its tier. A pause ends.
Its mail is kept, and so are its name and its team unless flags change them.
Its agent goes on, unless --reset-credentials ends its credential.

With --team, and with no other flag than --name and --role, it only puts the
workspace into the team: nothing is reset, and a pause stays. Whoever sees that
team then sees the workspace's mail, log and history, also those of before.`, `
  rollcall adopt demo
  rollcall adopt demo --team search
  rollcall adopt demo --team search --reset-credentials`},
	"create": {`Creates a workspace and prints the credential of its agent, this once. Start the
agent with it. Without an ID the platform makes one.`, `
  rollcall create demo
  rollcall create review-1 --name "Release notes" --team search`},
	"enrol": {`Makes a token that new agents send with their first register, and are given a
credential for. With an ID it is good for that workspace only. It is printed
this once.`, `
  rollcall enrol --uses 20 --for 2h
  rollcall enrol demo`},
	"pause": {`Holds workspaces: their messages are accepted and wait, and none is delivered,
until rollcall resume.`, `
  rollcall pause demo
  rollcall pause --team search --dry-run`},
	"remove": {`Removes a workspace: its credentials end and its waiting messages are cancelled.
This can't be taken back, so it wants --yes. With --purge, its messages, its
history and its profile are erased too.`, `
  rollcall remove demo --yes`},
	"resume": {`Ends a pause: the messages that wait are delivered.`, `
  rollcall resume demo
  rollcall resume --team search --dry-run`},
	"revoke": {`Ends every credential of a workspace at once, such as when one was stolen. Its
agent is cut off until rollcall repair. When an agent works with its credential,
revoke asks first, or wants --force.`, `
  rollcall revoke demo`},
	"withdraw": {`Ends a token of rollcall enrol. Agents that came with it keep the credentials
that they were given. ENROLMENT is the id that enrol printed.`, `
  rollcall withdraw k3x9p2m4`},

	"context": {`Lists the platforms that you have signed in to. A star marks the one that
commands use.`, `
  rollcall context`},
	"context list": {`Lists the platforms that you have signed in to. A star marks the one that
commands use.`, `
  rollcall context list`},
	"context use": {`Chooses the platform that commands use from now on. --context chooses one for a
single command.`, `
  rollcall context use prod`},
	"login": {`Reads a credential from the terminal, which doesn't show it, or from standard
input, asks the platform whose it is, and keeps both as a context, in a file
that only you may read. Commands use this context from then on.`, `
  rollcall login https://rollcall.example.com --name prod
  rollcall login https://rollcall.example.com < credential.txt`},
	"logout": {`Forgets the credential of a context on this machine. The credential itself is
good until its end, or until rollcall token revoke.`, `
  rollcall logout
  rollcall logout prod`},
	"token": {`Makes, lists and ends the credentials of people. It takes one with the scope
admin.`, `
  rollcall token create --name alice --scope operate
  rollcall token list`},
	"token create": {`Makes a credential for a person and prints it, this once. The scope view may
look, operate may also act on workspaces, and admin may also make credentials.`, `
  rollcall token create --name alice --scope operate
  rollcall token create --name pager --scope view --team search --expires 30d`},
	"token list": {`Lists the credentials of people by their ids: scope, team, end, and when and
from where each was used last.`, `
  rollcall token list`},
	"token revoke": {`Ends a person's credential. TOKEN is its id, which rollcall token list prints.
What was made with it ends too, or is named with the command that ends it. With
--all-it-made, the people's credentials that were made with it end too, and what
was made with those: all but your own.`, `
  rollcall token revoke p7r2t5v8
  rollcall token revoke p7r2t5v8 --all-it-made`},
	"webhook": {`Posts changes of status to URLs of yours, in order, as Standard Webhooks.`, `
  rollcall webhook create https://hooks.example.com/rollcall
  rollcall webhook list`},
	"webhook create": {`Posts each change of status from now on to URL, and prints the secret that the
posts are signed with, this once.`, `
  rollcall webhook create https://hooks.example.com/rollcall
  rollcall webhook create https://hooks.example.com --status degraded,offline`},
	"webhook delete": {`Ends a webhook. WEBHOOK is its id, which rollcall webhook list prints.`, `
  rollcall webhook delete h4n8q1z6`},
	"webhook disable": {`Posts nothing more to a webhook, until rollcall webhook enable.`, `
  rollcall webhook disable h4n8q1z6`},
	"webhook enable": {`Posts to a webhook again, at once, beginning with what it missed. With
--from-now it leaves that out.`, `
  rollcall webhook enable h4n8q1z6
  rollcall webhook enable h4n8q1z6 --from-now`},
	"webhook list": {`Lists the webhooks: whether each works, how many changes it is behind, when it
took one last, and why it fails.`, `
  rollcall webhook list`},
	"webhook rotate": {`Makes a new secret for a webhook and prints it, this once. For a day, posts are
signed with the old one too.`, `
  rollcall webhook rotate h4n8q1z6`},
	"webhook test": {`Posts a test event to a webhook, and says whether its receiver took it.`, `
  rollcall webhook test h4n8q1z6`},

	"receipts": {`Prints the messages that were sent to a workspace: the state of each, its tries
and why. With a MESSAGE it prints that one with each attempt and the agent's
answer. A receipt is kept for a week after the message has ended.`, `
  rollcall receipts demo
  rollcall receipts demo --lost
  rollcall receipts demo --state dead --since 7d
  rollcall receipts demo 0c1f5a0e-6b0b-4b43-8a0a-4a3c6f0a6d52`},
	"send": {`Sends a message and prints what becomes of it, and the agent's answer. With - as
the text it reads the text from standard input. It exits with 4 when the message
was not delivered.`, `
  rollcall send demo hello
  rollcall send demo "What changed since Monday?" --timeout 10m
  rollcall send demo - < question.txt`},

	"cost": {`Works out what a deployment costs in a month, from the list prices of AWS, and
what the same work costs by other means. It asks no platform.`, `
  rollcall cost --agents 200 --messages-per-day 50
  rollcall cost --agents 5000 --polling 1 --poll 30s`},
	"version": {`Prints the version of this program.`, `
  rollcall version`},
}

// addTexts gives each command its help, and breaks the lines of its flags.
func addTexts(root *cobra.Command) {
	name := root.CommandPath() + " "
	var add func(*cobra.Command)
	add = func(parent *cobra.Command) {
		for _, cmd := range parent.Commands() {
			help := helpTexts[strings.TrimPrefix(cmd.CommandPath(), name)]
			cmd.Long, cmd.Example = help.long, strings.TrimPrefix(help.examples, "\n")
			add(cmd)
		}
	}
	add(root)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "Flags.FlagUsages",
		fmt.Sprintf("Flags.FlagUsagesWrapped %d", helpWidth)))
}
