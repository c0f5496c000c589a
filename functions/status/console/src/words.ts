// What statuses and reasons are called by a person.
import type { Reason, Status, Workspace } from './api'

export const statusWords: Record<Status, string> = {
  online: 'Online', degraded: 'Degraded', offline: 'Offline', unknown: 'Unknown', provisioning: 'Not started',
  paused: 'Paused', removed: 'Removed',
}

export const reasonWords: Record<Reason, string> = {
  healthy: 'Messages arrive',
  busy: 'At work; messages arrive when it is free',
  credentials_rejected: 'Its credential is refused',
  never_registered: 'Its agent has never called',
  platform_suspect: 'The platform may be what is wrong',
  lease_expired: 'Nothing is heard of its agent',
  duplicate_host: 'Two agents run under its id',
  runtime_wedged: 'It reports that its runtime is stuck',
  inbox_unattended: 'It does not fetch its messages',
  push_failing: 'Messages pushed to it fail',
  backlog_stalled: 'Its messages wait, and none is delivered',
  answers_failing: 'It takes messages, and fails each task',
  inbox_full: 'One sender fills its inbox',
  error_rate: 'Most of what it does fails',
  paused: 'An operator holds it; its messages wait',
  removed: 'An operator removed it',
}

/** worstFirst is the order of statuses of shared/workspace/severity.go. */
export const worstFirst: Status[] = ['degraded', 'offline', 'unknown', 'provisioning', 'online', 'paused', 'removed']

// worstReasonFirst is the order of reasons within a status, of the same file.
const worstReasonFirst: Reason[] = [
  'push_failing', 'inbox_unattended', 'answers_failing', 'runtime_wedged', 'backlog_stalled', 'duplicate_host', 'inbox_full',
  'error_rate',
]

/** severity orders workspaces for an operator, as workspace.Severity does: the lower, the sooner one is looked at. remarks are codes. */
export function severity(status: Status, reason: Reason, remarks: string[]): number {
  if (reason === 'credentials_rejected') return 0
  const group = remarks.length && status === 'online' ? 2 * worstFirst.indexOf('unknown') + 1 : 2 * worstFirst.indexOf(status)
  const known = worstReasonFirst.indexOf(reason)
  const place = remarks.includes('mail_lost') ? -1 : known < 0 ? worstReasonFirst.length : known
  return 100 * (group + 1) + 2 * (place + 1) + (remarks.length ? 0 : 1)
}

/** Tone is the colour of a dot: whether mail arrives. */
export type Tone = 'good' | 'warn' | 'bad' | 'gone' | 'unsure' | 'idle'

// Degraded, and mail arrives all the same.
const arrives: Reason[] = ['answers_failing', 'duplicate_host', 'inbox_full', 'error_rate']

export function tone(status: Status, reason: Reason): Tone {
  switch (status) {
    case 'online': return 'good'
    case 'degraded': return arrives.includes(reason) ? 'warn' : 'bad'
    case 'offline': return 'gone'
    case 'unknown': return 'unsure'
    default: return 'idle'
  }
}

/** waiting is how many messages wait for their delivery, or are being delivered. */
export const waiting = ({ inbox }: Partial<Workspace>) => inbox ? inbox.queued + inbox.in_flight : 0

/** heard is when the last call of an agent was accepted. */
export const heard = (w: Partial<Workspace>) =>
  [w.last_heartbeat_at, w.last_registered_at, w.inbox?.last_poll_at].filter(at => at !== undefined).sort().at(-1)

