// What the charts of a workspace show, computed of its receipts: pure.
import type { HistoryEntry, Reason, Receipt, Status } from './api'

/** Mail is the mail of a time, in equal slices of it. Times are in seconds, as the charting library wants them. */
export interface Mail {
  times: number[] // where each slice begins
  waiting: number[] // how long the oldest message had waited, at the most, in seconds
  delivered: number[]
  failed: number[]
}

export const slices = 60

// Any other outcome of an attempt is a failure, a new one too.
const noFailures = ['pending', 'delivered', 'busy', 'superseded']
/** taskFailed reports whether the agent took a message, and said that its task failed. */
export const taskFailed = (r: Receipt) => r.attempts.at(-1)?.outcome === 'task_failed'

const lost = ['dead', 'expired']

const seconds = (at: string) => Date.parse(at) / 1000

/** mailOf is what these receipts say of the time from from to to, in seconds. */
export function mailOf(receipts: Receipt[], from: number, to: number): Mail {
  const size = (to - from) / slices, starts = [...Array(slices).keys()].map(i => from + i * size)
  const count = (ats: number[]) => {
    const out = starts.map(() => 0)
    for (const at of ats) {
      const i = Math.floor((at - from) / size)
      if (i >= 0 && i < slices) out[i] = (out[i] ?? 0) + 1
    }
    return out
  }
  const lives = receipts.map(r => ({ from: seconds(r.accepted_at), to: r.settled_at ? seconds(r.settled_at) : to }))
  return {
    times: starts,
    waiting: starts.map(start => Math.max(0, ...lives.filter(l => l.from < start + size && l.to > start)
      .map(l => Math.min(l.to, start + size) - l.from))),
    delivered: count(receipts.filter(r => r.state === 'delivered' && r.settled_at && !taskFailed(r)).map(r => seconds(r.settled_at ?? ''))),
    failed: count(receipts.flatMap(r => [
      ...r.attempts.filter(a => !noFailures.includes(a.outcome)).map(a => seconds(a.at)),
      ...(lost.includes(r.state) && r.settled_at ? [seconds(r.settled_at)] : []),
    ])),
  }
}

/** Stretch is a time in which a workspace had one status. */
export interface Stretch { from: number; to: number; status: Status; reason: Reason }

/** stretches are the statuses of a time, oldest first, as a history tells them, newest first. */
export function stretches(history: HistoryEntry[], from: number, to: number): Stretch[] {
  const out: Stretch[] = []
  let end = to
  for (const entry of history) {
    if (!entry.change || end <= from) continue
    const at = seconds(entry.change.at)
    if (at < end) out.unshift({ from: Math.max(at, from), to: end, status: entry.change.to.status, reason: entry.change.to.reason })
    end = Math.min(end, at)
  }
  const before = history.findLast(e => e.change)?.change?.from
  if (before && end > from) out.unshift({ from, to: end, status: before.status, reason: before.reason })
  return out
}
