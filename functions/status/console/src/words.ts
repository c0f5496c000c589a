// What statuses and reasons are called by a person.
import type { Expectation, Reason, Receipt, Status, Warning, Workspace } from './api'
import table from './severity.json'

// The table is made of workspace.Severity, by TestTheConsoleOrdersAsTheCommandLine: without a remark, with
// one, and with lost mail.
const severities = table satisfies Record<Status, Record<Reason, number[]>> as Record<Status, Record<Reason, [number, number, number]>>

export const statusWords: Record<Status, string> = {
  online: 'Online', degraded: 'Degraded', offline: 'Offline', unknown: 'Unknown', provisioning: 'Not started',
  paused: 'Paused', removed: 'Removed',
}

export const reasonWords: Record<Reason, string> = {
  healthy: 'Messages arrive',
  busy: 'At work; messages arrive when it is free',
  credentials_rejected: 'Its credential is missing or refused',
  never_registered: 'No call of its agent was accepted yet',
  platform_suspect: 'The platform may be what is wrong',
  lease_expired: 'Nothing is heard of its agent',
  duplicate_host: 'Two agents run under its id',
  runtime_wedged: 'It reports that its runtime is stuck',
  inbox_unattended: 'It does not fetch its messages',
  push_failing: 'Messages pushed to it fail',
  backlog_stalled: 'Its messages wait, and none is delivered',
  answers_failing: 'It takes messages, and fails each task',
  restart_loop: 'It registers again and again',
  inbox_full: 'Its inbox has no room: some mail is refused',
  error_rate: 'Most of what it does fails',
  paused: 'An operator holds it; its messages wait',
  removed: 'An operator removed it',
}

/** causeWords are why a workspace needs a hand: its reason, or what a remark of it warns of. */
export const causeWords: Record<Reason | Warning, string> = {
  ...reasonWords,
  mail_lost: 'Mail to it was lost',
  register_refused: 'Its last register was refused',
  call_refused: 'A call of its agent was refused',
  calls_too_seldom: 'Its calls are further apart than its lease',
}

/** listedTries says which tries of a message its receipt lists, where these are not all; '' where they are. */
export const listedTries = ({ tries, attempts }: Pick<Receipt, 'tries' | 'attempts'>) =>
  tries > attempts.length ? `${attempts.length} of ${tries} tries are listed: the first that failed, and the newest.` : ''

/** severity orders workspaces for an operator: the lower, the sooner one is looked at. remarks are their codes. */
export const severity = (status: Status, reason: Reason, remarks: string[]): number =>
  severities[status][reason][remarks.includes('mail_lost') ? 2 : remarks.length ? 1 : 0]

/** worstFirst are the statuses in that order. */
export const worstFirst = (Object.keys(severities) as Status[])
  .toSorted((a, b) => severity(a, 'healthy', []) - severity(b, 'healthy', []))

/** Tone is the colour and the shape of a dot. */
export type Tone = 'good' | 'warn' | 'bad' | 'gone' | 'unsure' | 'idle'

/** arrives says of each promise whether a message that is sent now reaches the agent. */
const arrives: Record<Expectation, boolean> = {
  now: true, next_poll: true, when_idle: true, retrying: false, nobody_is_listening: false,
}

const tones: Record<Status, Tone> = {
  online: 'good', degraded: 'warn', offline: 'gone', unknown: 'unsure', provisioning: 'idle', paused: 'idle', removed: 'idle',
}

/**
 * tone is how a status looks. Of what is degraded it also shows whether mail arrives, where the API says what a message
 * may expect now: of the past, it does not.
 */
export function tone(status: Status, expected?: Expectation): Tone {
  const lost = expected !== undefined && !arrives[expected]
  return lost && status === 'degraded' ? 'bad' : lost && status === 'online' ? 'warn' : tones[status]
}

// With these reasons no message arrives at what is degraded.
const lost = new Set<Reason>(['credentials_rejected', 'push_failing', 'inbox_unattended', 'backlog_stalled', 'restart_loop'])

/** toneThen is how a status of the past looks: as it looks now, if it is that of now; else a change has its reason alone. */
export const toneThen = (status: Status, reason: Reason, now?: Pick<Workspace, 'status' | 'reason' | 'expected'>): Tone =>
  now?.status === status && now.reason === reason ? tone(status, now.expected)
    : status === 'degraded' && lost.has(reason) ? 'bad' : tones[status]

/** toneOfAll is how several of one status look together: as the worst of them. */
export const toneOfAll = (status: Status, all: Array<Pick<Workspace, 'status' | 'expected'>>): Tone => {
  const looks = all.filter(w => w.status === status).map(w => tone(status, w.expected))
  return (['bad', 'warn'] as const).find(t => looks.includes(t)) ?? tones[status]
}

/** expectedWords are what becomes of a message that is sent now. */
export const expectedWords: Record<Expectation, string> = {
  now: 'is delivered at once', next_poll: 'is delivered with its next poll', when_idle: 'waits until it is free',
  retrying: 'is tried again and again, until its time is up', nobody_is_listening: 'waits: nobody takes it now',
}

/** Judged is so much of a workspace as its words need. A change of the past has no hop. */
type Judged = Pick<Workspace, 'status' | 'reason' | 'expected'> & Partial<Pick<Workspace, 'faulty_hop'>>

/** why is the reason of a workspace in a person's words. */
export function why({ status, reason, expected, faulty_hop }: Judged): string {
  if (status === 'online' && !arrives[expected]) return 'Messages are tried, and may not reach it now'
  const refused = reason === 'never_registered' && faulty_hop === 'credential'
  return reasonWords[reason] + (refused ? ', and calls in its name are refused' : '')
}

/** faultOf is the link at fault, where the platform names one; '': none is. What an operator holds has no fault. */
export const faultOf = ({ status, faulty_hop }: Pick<Workspace, 'status' | 'faulty_hop'>): Workspace['faulty_hop'] =>
  status === 'paused' || status === 'removed' ? '' : faulty_hop

/** waiting is how many messages wait for their delivery, or are being delivered. */
export const waiting = ({ inbox }: Partial<Workspace>) => inbox ? inbox.queued + inbox.in_flight : 0

/** workspaceQuery is the query of a workspace's page. */
export const workspaceQuery = (id: string) => '?' + new URLSearchParams({ workspace: id })
