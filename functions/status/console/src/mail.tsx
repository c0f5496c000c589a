import { useMemo, useState } from 'preact/hooks'
import type { Attempt, Former, Receipt, Workspace } from './api'
import { mailOf, taskFailed } from './chart'
import { Chart } from './chartview'
import type { Line } from './chartview'
import type { Details } from './details'
import { Named } from './named'
import { After, Ago, Command, Copy, Due, For, Link, Said } from './parts'
import { senderName, sendingWorkspace } from './sender'
import { span } from './time'
import { inLine, visible, visibleLines } from './visible'
import { listedTries, workspaceQuery } from './words'

export const stateWords: Record<Receipt['state'], string> = {
  queued: 'Waits', in_flight: 'Being delivered', delivered: 'Delivered', dead: 'Died', expired: 'Expired', cancelled: 'Cancelled',
}

const tone = (r: Receipt) => ({
  queued: 'idle', in_flight: 'idle', delivered: taskFailed(r) ? 'warn' : 'good', dead: 'gone', expired: 'gone', cancelled: 'idle',
})[r.state]

export interface Acts { cancel: (r: Receipt) => void; redrive: (r: Receipt) => void }

const atFirst = 25 // messages that are shown, and as many more each time

/** Mailbox is a workspace's messages, newest first, with each one's tries and answer. */
export function Mailbox({ w, fleet, details, now, acts }: {
  w: Workspace; fleet: Workspace[]; details: Details & { more: () => void }; now: number; acts: Acts | undefined
}) {
  const [only, choose] = useState(''), [many, show] = useState(atFirst)
  if (details.noMail) return <p class="muted">Its mail is for operators to read: {visible(details.noMail)}.</p>
  if (!details.mail) return <p class="muted">Reading its mail …</p>
  const groups: Array<[string, string, (r: Receipt) => boolean]> = [
    ['', 'All', () => true], ['open', 'Waiting', r => r.state === 'queued' || r.state === 'in_flight'],
    ['lost', 'Undelivered', r => r.state === 'dead' || r.state === 'expired'],
    ['failed', 'Task failed', taskFailed],
  ]
  const wanted = groups.find(([name]) => name === only)?.[2] ?? (() => true)
  const mail = details.mail.filter(wanted), choices = groups.filter(([name, , is]) => !name || name === only || details.mail?.some(is))
  return (
    <>
      <div class="counts small">
        {choices.length > 1 && choices.map(([name, words, is]) => (
          <button type="button" key={name} aria-pressed={only === name} onClick={() => choose(name)}>{words} <b>{details.mail?.filter(is).length}{details.moreMail && '+'}</b></button>
        ))}
      </div>
      {mail.length === 0 && <p class="muted">{details.mail.length ? 'No message matches.' : <>No message yet. <Command>{`rollcall send ${w.id} hello`}</Command></>}</p>}
      <ul class="mail">{mail.slice(0, many).map(r => <Message key={r.message_id} r={r} w={w} fleet={fleet} now={now} acts={acts} />)}</ul>
      {(details.moreMail || mail.length > many) && <p><button type="button" class="plain" onClick={() => {
        show(many + atFirst)
        if (details.moreMail && mail.length < many + atFirst) details.more()
      }}>Show older messages</button></p>}
    </>
  )
}

/** ended is the state of a message: also whether a task that was delivered failed. */
const ended = (r: Receipt) => taskFailed(r) ? 'Task failed' : stateWords[r.state]

/** gist is what became of a message, in one line. */
const gist = (r: Receipt) => r.state === 'delivered' && !taskFailed(r) ? r.answer_text : r.last_error

const open = (r: Receipt) => r.state === 'queued' || r.state === 'in_flight'

function Message({ r, w, fleet, now, acts }: { r: Receipt; w: Workspace; fleet: Workspace[]; now: number; acts: Acts | undefined }) {
  const tries = r.tries // attempts may be only the last of them
  return (
    <li>
      <details data-message={r.message_id}>
        <summary>
          <span class={'dot ' + tone(r)}><b>{ended(r)}</b></span>{' '}
          <span class="said" dir="auto">{tries > 1 && <span class="muted">{tries} tries · </span>}{r.probe && 'probe · '}{gist(r) ? inLine(gist(r)) : <Said now={now}>{r.waits_for || r.reason}</Said>}</span>{' '}
          <span class="muted sender" title={'sent by ' + senderName(r, fleet)}><SenderName r={r} fleet={fleet} /></span>{' '}
          <span class="muted when"><Ago at={r.accepted_at} now={now} /></span>
        </summary>
        <div class="message">
          <dl class="facts">
            <div><dt>Message</dt><dd><code>{visible(r.message_id)}</code><Copy text={r.message_id} what="the message’s id" /></dd></div>
            <div><dt>{open(r) ? 'Waiting' : 'Took'}</dt><dd><For at={r.accepted_at} now={r.settled_at ? Date.parse(r.settled_at) : now} /></dd></div>
            <div><dt>State</dt><dd>{stateWords[r.state]}: <Said now={now}>{r.reason}</Said></dd></div>
            {r.former && <Before f={r.former} now={now} />}
            {r.waits_for && <div><dt>Waits for</dt><dd><Said now={now}>{r.waits_for}</Said></dd></div>}
            <Sender r={r} fleet={fleet} now={now} />
            {r.next_attempt_at && open(r) && <div><dt>Next try</dt><dd><Due at={r.next_attempt_at} now={now} /></dd></div>}
            {open(r) && <div><dt>Expires</dt><dd><Ago at={r.expires_at} now={now} /></dd></div>}
            {r.callback && <div><dt>Callback</dt><dd>{r.callback.state}, {r.callback.tries} calls{r.callback.error && ': ' + visible(r.callback.error)}</dd></div>}
          </dl>
          {r.attempts.length > 0 && <ol class="tried" aria-label="Tries">{r.attempts.map((a, i) => <Try key={i} a={a} r={r} />)}</ol>}
          {listedTries(r) && <p class="muted">{listedTries(r)}</p>}
          {r.answer_text && <Words of={taskFailed(r) ? 'The agent said that it failed' : 'The agent answered'} text={r.answer_text} />}
          {acts && (open(r) || r.state === 'dead' || r.state === 'expired') && <p class="buttons start">
            {open(r)
              ? <button type="button" onClick={() => acts.cancel(r)}>Cancel…</button>
              : <button type="button" onClick={() => acts.redrive(r)}>Redrive…</button>}
            <Command>{open(r) ? `rollcall cancel ${w.id} ${r.message_id}` : `rollcall redrive ${w.id} ${r.message_id}`}</Command>
          </p>}
        </div>
      </details>
    </li>
  )
}

/** Before is how a message ended before it was redriven. */
const Before = ({ f, now }: { f: Former; now: number }) => (
  <div><dt>Before</dt><dd>
    {stateWords[f.state]} <Ago at={f.settled_at} now={now} />, after {f.tries} {f.tries === 1 ? 'try' : 'tries'}:{' '}
    <Said now={now}>{f.reason}</Said>. An operator redrove it <Ago at={f.redriven_at} now={now} />
    {f.redrives > 1 && `, ${f.redrives} times in all`}
  </dd></div>
)

/** SenderName is who sent a message, as senderName has it. linked: a workspace's id leads to its page. */
function SenderName({ r, fleet, linked = false }: { r: Receipt; fleet: Workspace[]; linked?: boolean }) {
  const w = sendingWorkspace(r, fleet)
  if (!w) return <>{senderName(r, fleet)}</>
  return <>workspace <Named w={w} {...linked ? { link: id => <Link query={workspaceQuery(w.id)}>{id}</Link> } : {}} /></>
}

const Sender = ({ r, fleet, now }: { r: Receipt; fleet: Workspace[]; now: number }) => (
  <div><dt>Sent by</dt><dd>
    <SenderName r={r} fleet={fleet} linked />{r.sent_from && ', from ' + visible(r.sent_from)}, <Ago at={r.accepted_at} now={now} /></dd></div>
)

const Try = ({ a, r }: { a: Attempt; r: Receipt }) => (
  <li class={a.outcome === 'delivered' ? 'took' : ''}>
    <After at={a.at} from={r.accepted_at} />
    <span>{visible(a.text)}<span class="muted"> · by {visible(a.via)}</span>{a.error && <span class="error">{visible(a.error)}</span>}</span>
  </li>
)

/** Words are what an agent said, in its own words. */
export const Words = ({ of, text }: { of: string; text: string }) => (
  <figure class="words"><figcaption>{of}</figcaption>
    <blockquote dir="auto">{visibleLines(text).map((line, i) => <p key={i}>{line || '\u00a0'}</p>)}</blockquote></figure>
)

/** Charts are the waiting, the deliveries and the failures of the last hours. */
export function Charts({ mail, more, hours, now }: { mail: Receipt[]; more: boolean; hours: number; now: number }) {
  const minute = Math.floor(now / 15_000) * 15
  const oldest = mail.at(-1), from = minute + 15 - hours * 3600
  const known = more && oldest ? Math.max(from, Date.parse(oldest.accepted_at) / 1000) : from
  const shown = useMemo(() => mailOf(mail, from, minute + 15), [mail, from, minute])
  const waiting = useMemo<Line[]>(() => [{ name: 'oldest message', color: '--warn', values: shown.waiting }], [shown])
  const ends = useMemo<Line[]>(() => [
    { name: 'failed', color: '--bad', values: shown.failed }, { name: 'delivered', color: '--good', values: shown.delivered },
  ], [shown])
  const sum = (values: number[]) => values.reduce((a, b) => a + b, 0)
  const longest = Math.max(...shown.waiting), delivered = sum(shown.delivered), fails = sum(shown.failed)
  if (longest === 0 && delivered === 0 && fails === 0) return <p class="muted">No mail in {hours === 1 ? 'the last hour' : `the last ${hours} hours`}.</p>
  const time = hours === 1 ? 'In the last hour' : `In the last ${hours} hours`
  return (
    <>
      <div class="charts">
        <Chart title="Waiting" says={`${time}, the oldest message waited ${span(longest)} at most.`} times={shown.times} lines={waiting} write={span} />
        <Chart title="Deliveries" says={`${time}, ${delivered} messages were delivered, and ${fails} tries failed.`} times={shown.times} lines={ends} bars write={String} />
      </div>
      {known > from && <p class="muted">Of its last {mail.length} messages, which go back to <Ago at={new Date(known * 1000).toISOString()} now={now} />.</p>}
    </>
  )
}
