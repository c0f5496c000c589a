import type { HistoryEntry, Workspace } from './api'
import { stretches } from './chart'
import { Ago, Dot, Said } from './parts'
import { day, exact, span } from './time'
import { visible } from './visible'
import { reasonWords, statusWords, toneThen } from './words'

/** Strip is the statuses of the last hours as a line. */
export function Strip({ history, hours, now, w }: { history: HistoryEntry[]; hours: number; now: number; w: Workspace }) {
  const to = now / 1000, from = to - hours * 3600, all = stretches(history, from, to)
  const said = all.map(s => `${statusWords[s.status]} ${span(to - s.from)} ago`).join(', ')
  return (
    <figure class="strip">
      <div role="img" aria-label={said || 'no status is known of this time'}>
        <span style={{ flexGrow: Math.max(0, (all[0]?.from ?? to) - from) }} />
        {all.map(s => <span key={s.from} class={toneThen(s.status, s.reason, w)} style={{ flexGrow: s.to - s.from }}
          title={`${statusWords[s.status]}: ${reasonWords[s.reason]}\nfor ${span(s.to - s.from)}, from ${exact(s.from * 1000)}`} />)}
      </div>
      <figcaption class="muted"><span>{span(to - from)} ago</span><span>now</span></figcaption>
    </figure>
  )
}

const actWords: Record<string, string> = {
  create: 'Created', adopt: 'Adopted', repair: 'Repaired', revoke: 'Credentials revoked', rotate: 'Credential rotated',
  dismiss: 'Refused attempts dismissed', pause: 'Paused', resume: 'Resumed', remove: 'Removed', purge: 'Purged', redrive: 'Redriven',
  url_ended: 'URL not called any more', cancel: 'Message cancelled', probe: 'Probed', credential_issued: 'Credential given out', credential_used: 'New credential in use',
}

/** rest is a summary after the words that stand before it. */
const rest = (summary: string, words: string) =>
  summary.toLowerCase().startsWith(words.toLowerCase()) ? summary.slice(words.length) : summary && ': ' + summary

const wordsOf = (action: string) => actWords[action] ?? action.charAt(0).toUpperCase() + action.slice(1).replaceAll('_', ' ')

/** Timeline is what a workspace's status was, and who did what, newest first. */
export function Timeline({ history, now, w }: { history: HistoryEntry[]; now: number; w?: Workspace }) {
  if (history.length === 0) return <p class="muted">Nothing yet.</p>
  let before = ''
  return (
    <ol class="timeline">
      {history.map((e, i) => {
        const today = day(e.at), heads = today !== before
        before = today
        return (
          <li key={e.at + i} class={e.type}>
            {heads && <h3>{today}</h3>}
            <Ago at={e.at} now={now} />
            {e.change
              ? <div><Dot status={e.change.to.status} look={toneThen(e.change.to.status, e.change.to.reason, w)} /> <span class="muted">{reasonWords[e.change.to.reason]}</span></div>
              : <div><b>{wordsOf(e.action)}</b><span class="muted"><Said now={now}>{rest(e.summary, wordsOf(e.action))}</Said></span>
                <small>by {visible(e.who)}{e.from && ', from ' + visible(e.from)}</small></div>}
          </li>
        )
      })}
    </ol>
  )
}
