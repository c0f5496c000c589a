import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ActDialog, actsOf, asks, grave, label } from './actions'
import type { Act } from './actions'
import { canBe } from './api'
import type { Evidence, Workspace } from './api'
import { taskFailed } from './chart'
import { useDetails } from './details'
import type { Details } from './details'
import { go, useKeys, useNow } from './hooks'
import { mayAct, mayLookOnly } from './live'
import type { Live, State } from './live'
import { Charts, Mailbox, Words } from './mail'
import { Named } from './named'
import { idOf } from './names'
import { Ago, Command, Copy, Dot, For, Icon, Name, Said } from './parts'
import { Strip, Timeline } from './timeline'
import { visible } from './visible'
import { expectedWords, faultOf, tone, why } from './words'

/** WorkspacePage is one workspace: what is wrong, why, what mends it, its mail and its past. */
export function WorkspacePage({ id, live, state, fleet, onSignIn }: {
  id: string; live: Live; state: State; fleet: string; onSignIn: () => void
}) {
  const now = useNow(), [chosen, choose] = useState(0)
  const w = state.fleet?.find(w => w.id === id), hours = chosen || (w && now - Date.parse(w.created_at) < 3_600_000 ? 1 : 6)
  const details = useDetails(id, w, live, hours)
  const head = useRef<HTMLHeadingElement>(null)
  const [doing, open] = useState<{ act: Act; message?: string } | undefined>(undefined)
  const may = mayAct(state), looks = mayLookOnly(state)
  const act = (act: Act, message?: string) => { if (may) open(message ? { act, message } : { act }); else onSignIn() }
  useLayoutEffect(() => { head.current?.focus({ preventScroll: true }) }, [!w])
  useKeys((key, e) => {
    if (key !== 'Escape') return
    e.preventDefault()
    go(fleet)
  })
  const back = <a class="back" href={location.pathname + fleet} onClick={e => { e.preventDefault(); go(fleet) }}><Icon name="back" />Fleet</a>
  if (!w && !details.missing && (!details.explanation || !state.fleet)) return <p class="muted reading" role="status">Reading {idOf(id)} …</p>
  if (!w) return <>{back}<Gone id={id} details={details} head={head} now={now} /></>
  return (
    <>
      {back}
      <header class="head title">
        <h1 ref={head} tabIndex={-1}><Named w={w} /></h1>
        <Copy text={w.id} what="the id" />
      </header>
      <Verdict w={w} details={details} now={now} act={looks ? undefined : act} />
      {looks ? <p class="acts muted">Your credential may only look: an operator can act here.</p> : <Acts w={w} act={act} />}
      <div class="columns">
        <div>
          <section class="card" aria-labelledby="mail">
            <h2 id="mail">Mail <Hours hours={hours} choose={choose} /></h2>
            {details.mail && details.mail.length > 0 && <Charts mail={details.mail} more={details.moreMail} hours={hours} now={now} />}
            <Mailbox w={w} fleet={state.fleet ?? []} details={details} now={now} acts={looks ? undefined : { cancel: r => act('cancel', r.message_id), redrive: r => act('redriveOne', r.message_id) }} />
          </section>
        </div>
        <div>
          <section class="card" aria-labelledby="delivery"><h2 id="delivery">Delivery</h2><Facts w={w} now={now} /></section>
          <section class="card" aria-labelledby="history"><h2 id="history">Timeline</h2>
            {details.history ? <><Strip history={details.history} hours={hours} now={now} w={w} /><Timeline history={details.history} now={now} w={w} /></> : <p class="muted">Reading …</p>}
          </section>
        </div>
      </div>
      {doing && <ActDialog {...doing} w={w} live={live} onClose={() => { open(undefined); details.again() }} />}
    </>
  )
}

/** offered are the acts that the verdict itself has buttons for. */
const offered = (w: Workspace) => [asks(w, w.command), ...(w.remarks ?? []).map(r => asks(w, r.command))]

/** Acts are the buttons of what else an operator can do. Who is not one is asked to sign in. */
function Acts({ w, act }: { w: Workspace; act: (act: Act) => void }) {
  const above = offered(w), acts = actsOf(w).filter(a => !above.includes(a))
  const button = (a: Act) => <button type="button" key={a} class={grave(a) ? 'grave' : ''} onClick={() => act(a)}>{label(a)}</button>
  return (
    <div class="acts" role="group" aria-label="What an operator can do">
      {acts.filter(a => !grave(a)).map(button)}<span class="graves">{acts.filter(grave).map(button)}</span>
    </div>
  )
}

const Hours = ({ hours, choose }: { hours: number; choose: (hours: number) => void }) => (
  <span class="hours" role="group" aria-label="How far back">
    {[1, 6, 24].map(h => <button type="button" key={h} aria-pressed={hours === h} onClick={() => choose(h)}>{h} h</button>)}
  </span>
)

function Verdict({ w, details, now, act }: { w: Workspace; details: Details; now: number; act: ((act: Act) => void) | undefined }) {
  const next = asks(w, w.command), held = w.status === 'paused' || w.status === 'removed'
  const last = details.mail?.find(r => r.last_error), untold = w.status !== 'online' && last?.last_error && !w.hint.includes(last.last_error)
  return (
    <section class={'verdict ' + tone(w.status, w.expected)} aria-labelledby="verdict">
      <div class="said-of-it">
        <h2 id="verdict"><Dot status={w.status} expected={w.expected} /> <span class="since">for <For at={w.since} now={now} /></span>
          {faultOf(w) && <span class="fault">At fault: <b>the {faultOf(w)}</b></span>}</h2>
        <p class="summary reason">{details.explanation?.reason === w.reason ? <Said now={now} id={w.id}>{details.explanation.summary}</Said> : why(w) + '.'}</p>
        {w.hint && !held && <p class="hint"><Said now={now} id={w.id} beside={w.command}>{w.hint}</Said></p>}
        {w.command && <p class="next">{act && next && <button type="button" class="main" onClick={() => act(next)}>{label(next)}</button>}
          <Command needs={w.command_needs}>{w.command}</Command></p>}
        {w.remarks?.map(r => <Remark key={r.code} w={w} r={r} now={now} act={act} />)}
        {untold && <Words of={taskFailed(last) ? 'Its agent said last' : 'The last try that failed'} text={last.last_error ?? ''} />}
      </div>
      <section class="because" aria-labelledby="evidence"><h3 id="evidence">Evidence</h3><EvidenceList evidence={w.evidence} now={now} /></section>
    </section>
  )
}

function Remark({ w, r, now, act }: { w: Workspace; r: NonNullable<Workspace['remarks']>[number]; now: number; act: ((act: Act) => void) | undefined }) {
  const next = asks(w, r.command)
  return (
    <div class="remark"><Icon name="warn" /><span><Said now={now} id={w.id} beside={r.command}>{r.text}</Said></span>
      {act && next && next !== asks(w, w.command) && <button type="button" onClick={() => act(next)}>{label(next)}</button>}
      {r.command && <Command needs={r.command_needs}>{r.command}</Command>}</div>
  )
}

/** counts are how many messages ended in each way, without the ways in which none did. */
function counts({ delivered, queued, in_flight, dead, expired, cancelled, missing = 0 }: Workspace['messages']): string {
  const ways: Array<[number, string]> = [[delivered, 'delivered'], [queued + in_flight, 'waiting'], [dead, 'dead'], [expired, 'expired'],
    [cancelled, 'cancelled'], [missing, 'missing']]
  return ways.filter(([n]) => n).map(([n, way]) => n + ' ' + way).join(', ')
}

function Facts({ w, now }: { w: Workspace; now: number }) {
  const m = w.messages
  return (
    <dl class="facts">
      {w.status !== 'removed' && <div><dt>New mail</dt><dd>{expectedWords[w.expected]}</dd></div>}
      <div><dt>Mail goes by</dt><dd><b>{w.delivery.effective_mode}</b>: <Said now={now}>{w.delivery.reason}</Said></dd></div>
      {w.url && <div><dt>URL</dt><dd><code>{visible(w.url)}</code></dd></div>}
      <div><dt>Last heard</dt><dd><Ago at={w.last_heard_at} now={now} /></dd></div>
      {w.last_registered_at && <div><dt>Registered</dt><dd><Ago at={w.last_registered_at} now={now} />, when its agent last started</dd></div>}
      {w.lease_until && <div><dt>Lease</dt><dd>{Date.parse(w.lease_until) > now ? 'runs out ' : 'ran out '}<Ago at={w.lease_until} now={now} /></dd></div>}
      {w.inbox.last_poll_at && <div><dt>Last poll</dt><dd><Ago at={w.inbox.last_poll_at} now={now} /></dd></div>}
      <div><dt>Tasks</dt><dd>{w.active_tasks || 'none'} at work, {w.max_concurrent_tasks} at most</dd></div>
      <div><dt>Messages</dt><dd>{m.accepted ? `${m.accepted} accepted: ${counts(m)}` : 'none yet'}</dd></div>
      {w.runtime && <div><dt>Runtime</dt><dd>{visible(w.runtime)}</dd></div>}
      {w.role && <div><dt>Role</dt><dd><Name>{w.role}</Name></dd></div>}
      {w.team && <div><dt>Team</dt><dd><Name>{w.team}</Name></dd></div>}
      <div><dt>Created</dt><dd><Ago at={w.created_at} now={now} /></dd></div>
    </dl>
  )
}

const EvidenceList = ({ evidence, now }: { evidence: Evidence[]; now: number }) => evidence.length === 0 ? <p class="muted">None.</p> : (
  <ol class="evidence">{evidence.map((e, i) => <li key={i}><Ago at={e.at} now={now} /><span><Said now={now}>{e.fact}</Said></span></li>)}</ol>
)

/** Gone is what is left of a workspace that was removed, or never was. */
function Gone({ id, details, head, now }: { id: string; details: Details; head: { current: HTMLHeadingElement | null }; now: number }) {
  const { explanation, history } = details
  return (
    <>
      <div class="empty"><h1 ref={head} tabIndex={-1}>{explanation ? <Named w={{ id }} /> : <>No workspace is called {idOf(id)}</>}</h1>
        {explanation ? <p><Said>{explanation.summary}</Said></p> : canBe(id) ? <p>Its agent makes it when it registers, where the platform allows that. Or an operator does:</p>
          : <p>And none can be: an id has 1 to 64 letters, digits, dots, dashes or underscores, and begins with a letter or digit.</p>}
        {!explanation && canBe(id) && <p><Command>{'rollcall create ' + id}</Command></p>}
      </div>
      {explanation && history && <section class="card past" aria-labelledby="history"><h2 id="history">Timeline</h2><Timeline history={history} now={now} /></section>}
    </>
  )
}
