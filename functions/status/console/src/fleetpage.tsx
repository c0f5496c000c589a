import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ActDialog, asks, label } from './actions'
import type { Act } from './actions'
import type { Health, Me, Webhook, Workspace } from './api'
import { causes, commandOf, inNeed, nextSort, noFilter, own, pageSize, readFilter, repairedTogether, shown, sorted, suspected, writeFilter } from './fleet'
import type { Column, Filter, Shown } from './fleet'
import { go, useKeys, useNow } from './hooks'
import { mayAct, mayLookOnly, most } from './live'
import type { Live, State } from './live'
import { Named } from './named'
import { Ago, Command, Dot, Icon, Link, Name, Said } from './parts'
import { span } from './time'
import { visible } from './visible'
import { causeWords, reasonWords, statusWords, toneOfAll, waiting, why, workspaceQuery } from './words'

/** FleetPage is the list of workspaces, worst first. live is told which are shown. Whoever comes back from the page of a
 * workspace is at its row again. */
export function FleetPage({ live, state, query, from, onSignIn }: { live: Live; state: State; query: string; from?: string | undefined; onSignIn: () => void }) {
  const now = useNow()
  const [doing, open] = useState<{ act: Act; w: Workspace } | undefined>(undefined)
  const act = mayLookOnly(state) ? undefined : (act: Act, w: Workspace) => { if (mayAct(state)) open({ act, w }); else onSignIn() }
  const filter = readFilter(query)
  const change = (to: Partial<Filter>) => go(writeFilter({ ...filter, page: 1, ...to }), { replace: true })
  const search = useRef<HTMLInputElement>(null), rows = useRef<HTMLTableSectionElement>(null)
  const page = shown(state.fleet ?? [], filter)
  page.rows = useHeldRows(rows, page.rows, state.fleet ?? [])
  useKeptFocus(rows, from)
  useEffect(() => live.look(page.rows.map(w => w.id)))
  useKeys((key, e) => {
    const links = [...rows.current?.querySelectorAll<HTMLElement>('a.name') ?? []]
    const at = links.findIndex(l => l.closest('tr')?.contains(document.activeElement))
    if (key === '/') search.current?.focus()
    else if (key === 'j') links[Math.min(at + 1, links.length - 1)]?.focus()
    else if (key === 'k') links[Math.max(at - 1, 0)]?.focus()
    else if (key === 'Escape' && document.activeElement === search.current) {
      change({ search: '' })
      search.current?.blur()
    } else return
    e.preventDefault()
  })
  if (!state.fleet) return <p class="muted reading" role="status">{state.trouble ? 'The fleet is shown as soon as the platform answers.' : 'Reading the fleet …'}</p>
  if (state.fleet.length === 0) return <><Suspicion fleet={[]} health={state.health} /><Untold hooks={state.hooks} now={now} /><Nobody me={state.me} /></>
  return (
    <>
      <Suspicion fleet={state.fleet} health={state.health} />
      <Untold hooks={state.hooks} now={now} />
      <Headline state={state} fleet={state.fleet} cause={filter.cause} change={change} />
      <Filters page={page} filter={filter} change={change} search={search} fleet={state.fleet} />
      {page.rows.length === 0
        ? <p class="empty">No workspace matches. <button type="button" class="plain" onClick={() => change(noFilter)}>Show all {state.fleet.length}</button></p>
        : <Table rows={rows} page={page} now={now} act={act} sort={filter.sort} change={change} />}
      {page.folded > 0 && <p class="fold">
        <button type="button" class="plain" onClick={() => change({ silent: true })}>
          {page.folded} more {page.folded === 1 ? 'has' : 'have'} been silent for over 3 days: show {page.folded === 1 ? 'it' : 'them'}
        </button>
      </p>}
      {filter.silent && <p class="fold"><button type="button" class="plain" onClick={() => change({ silent: false })}>Fold those away that have been silent for days</button></p>}
      <Pages page={page} change={change} />
      {state.more && <p class="muted">There are more than these {most}. This shows all: <Command>rollcall status</Command></p>}
      {doing && <ActDialog {...doing} live={live} onClose={() => open(undefined)} />}
    </>
  )
}

const Nobody = ({ me }: { me: Me | undefined }) => (
  <div class="empty">
    <h1>{me?.team ? <>No workspace of the team <Name>{me.team}</Name> yet</> : 'No workspace yet'}</h1>
    <p>Create one, and start its agent with the credential that this shows:</p>
    <p><Command needs={me?.scope === 'view' ? 'operate' : undefined}>rollcall create demo</Command></p>
    <p>Where agents are let in without one, as by <code>make run</code>, each is shown here as soon as it registers.</p>
  </div>
)

const fewest = 10 // that need a hand, and are told together by what is wrong: fewer are seen at a glance

/** Headline says how many workspaces need a hand, and of what. It claims nothing of now while the platform does not answer. */
function Headline({ state, fleet, cause, change }: {
  state: State; fleet: Workspace[]; cause: string; change: (to: Partial<Filter>) => void
}) {
  const wrong = inNeed(fleet), of = `${wrong} of ${fleet.length}${state.more ? '+' : ''} workspaces`
  const other = fleet.some(suspected) || state.health?.status === 'degraded' ? 'else ' : '', then = state.trouble && span((Date.now() - state.readAt) / 1000) + ' ago'
  const words = then ? wrong ? `${of} needed a hand ${then}` : `Nothing ${other}was wrong ${then}`
    : wrong ? `${of} need${wrong === 1 ? 's' : ''} a hand` : `Nothing ${other}is wrong`
  const why = causes(fleet), refused = fleet.filter(repairedTogether).length
  return (
    <header class="headline">
      <h1>{words}</h1>
      {wrong > fewest && <div class="causes" role="group" aria-label="Why">{why.map(([c, n]) => (
        <button type="button" key={c} aria-pressed={cause === c} onClick={() => change({ cause: cause === c ? '' : c })}>{causeWords[c]} <b>{n}</b></button>
      ))}</div>}
      {refused > 1 && <p class="muted">Repair {refused}{state.more ? '+' : ''} with a refused credential at once; this says first what it would do: <Command needs={state.me?.scope === 'view' ? 'operate' : undefined}>rollcall repair --reason credentials_rejected --dry-run</Command></p>}
    </header>
  )
}

/** Suspicion says once what many rows would: the platform itself may be what is wrong. */
function Suspicion({ fleet, health }: { fleet: Workspace[]; health: Health | undefined }) {
  const many = fleet.filter(suspected), one = many[0]
  if (!one && health?.status !== 'degraded') return null
  return (
    <section class="banner" aria-label="The platform">
      <Icon name="warn" />
      <div>
        <h2>{one ? `The platform may be what is wrong: ${many.length} of ${fleet.length} workspaces can’t be judged` : 'The platform is degraded'}</h2>
        {health?.status === 'degraded' && <p><Said>{health.sweeper + (health.hint ? ': ' + health.hint : '')}</Said></p>}
        {one && <p><Said>{one.hint}</Said></p>}
        {one?.command && <p><Command needs={one.command_needs}>{one.command}</Command></p>}
      </div>
    </section>
  )
}

/** Untold says which webhooks are not told what happens: who relies on one sees nothing. */
function Untold({ hooks, now }: { hooks: Webhook[]; now: number }) {
  if (hooks.length === 0) return null
  return (
    <section class="banner" aria-label="Webhooks">
      <Icon name="warn" />
      <div>
        <h2>{hooks.length === 1 ? 'A webhook is not told' : `${hooks.length} webhooks are not told`} what happens</h2>
        {hooks.map(h => <div key={h.webhook_id}>
          <p>To <code class="url">{visible(h.url)}</code>: <Said now={now} beside={h.command}>{h.problem}</Said>.</p>
          {h.command && <p><Command>{h.command}</Command></p>}
        </div>)}
        <p><Link query="?webhooks">See the webhooks</Link></p>
      </div>
    </section>
  )
}

function Filters({ page, filter, change, search, fleet }: {
  page: Shown<Workspace>; filter: Filter; change: (to: Partial<Filter>) => void
  search: { current: HTMLInputElement | null }; fleet: Workspace[]
}) {
  return (
    <div class="filters" role="search">
      <div class="counts">
        <button type="button" aria-pressed={!filter.status} onClick={() => change({ status: '' })}>All <b>{fleet.length}</b></button>
        {page.statuses.map(([status, n]) => (
          <button type="button" key={status} aria-pressed={filter.status === status} data-status={status}
            onClick={() => change({ status: filter.status === status ? '' : status })}>
            <span class={'dot ' + toneOfAll(status, fleet)} />
            {statusWords[status]} <b>{n}</b>
          </button>
        ))}
      </div>
      <div class="narrow">
        <span class="search"><Icon name="search" />
          <input ref={search} type="search" aria-label="Search the fleet" placeholder="Search  /" value={filter.search}
            onInput={e => change({ search: e.currentTarget.value })} /></span>
        <Choice label="Reason" value={filter.reason} change={reason => change({ reason })}
          choices={page.reasons.map(([r, n]) => [r, `${reasonWords[r]} (${n})`])} />
        {page.teams.length > 0 && <Choice label="Team" value={filter.team} change={team => change({ team })} choices={page.teams.map(([name, n]) => [name, `${visible(name)} (${n})`])} />}
        <Choice label="Mode" value={filter.mode} small change={mode => change({ mode })} choices={page.modes.map(([m, n]) => [m, `${m} (${n})`])} />
        <select aria-label="Order" class={'order' + (filter.sort ? ' set' : '')} value={filter.sort} onChange={e => change({ sort: e.currentTarget.value })}>
          <option value="">Worst first</option>
          {columns.flatMap(({ column, words, ways }) => [<option key={column} value={column}>{words}: {ways[0]}</option>,
            <option key={'-' + column} value={'-' + column}>{words}: {ways[1]}</option>])}
        </select>
      </div>
    </div>
  )
}

/** Choice is a filter. small: of so little use that a phone shows it only when it is set. */
const Choice = ({ label, value, change, choices, small = false }: {
  label: string; value: string; change: (to: string) => void; choices: Array<[string, string]>; small?: boolean
}) => (
  <select aria-label={label} value={value} class={value ? 'set' : small ? 'small' : ''} onChange={e => change(e.currentTarget.value)}>
    <option value="">Any {label.toLowerCase()}</option>
    {choices.map(([v, words]) => <option key={v} value={v}>{words}</option>)}
    {value && !choices.some(([v]) => v === value) && <option value={value}>{visible(value)} (0)</option>}
  </select>
)

// The columns, and what comes first in the two ways to sort by each.
const columns: Array<{ column: Column; words: string; ways: [string, string]; number?: boolean }> = [
  { column: 'name', words: 'Workspace', ways: ['A to Z', 'Z to A'] },
  { column: 'status', words: 'Status', ways: ['worst first', 'well first'] },
  { column: 'since', words: 'Since', ways: ['latest first', 'oldest first'] },
  { column: 'mode', words: 'Mode', ways: ['poll first', 'push first'] },
  { column: 'waiting', words: 'Waiting', ways: ['most first', 'fewest first'], number: true },
  { column: 'dead', words: 'Dead', ways: ['most first', 'fewest first'], number: true },
  { column: 'heard', words: 'Last heard', ways: ['latest first', 'longest ago first'] },
]

/** Head is the head of a column. Pressed, it sorts one way, then the other, then worst first again. */
function Head({ column, words, ways, number, sort, change }: (typeof columns)[number] & { sort: string; change: (to: Partial<Filter>) => void }) {
  const by = sorted(sort), on = by.column === column
  return (
    <th scope="col" class={number ? 'number' : ''} aria-sort={on ? by.way === 1 ? 'ascending' : 'descending' : undefined}>
      <button type="button" class="sort" title={'Sort: ' + (sort === column ? ways[1] : on ? 'worst first of all' : ways[0])} onClick={() => change({ sort: nextSort(sort, column) })}>
        {words}<span class="way" aria-hidden="true">{on ? by.way === 1 ? '▲' : '▼' : ''}</span></button>
    </th>
  )
}

/** Acting opens the dialog of an act. A person who may only look has none. */
type Acting = ((act: Act, w: Workspace) => void) | undefined

function Table({ rows, page, now, act, sort, change }: {
  rows: { current: HTMLTableSectionElement | null }; page: Shown<Workspace>; now: number; act: Acting; sort: string; change: (to: Partial<Filter>) => void
}) {
  const by = columns.find(c => c.column === sorted(sort).column)
  return (
    <table class="fleet">
      <caption class="unseen">Workspaces, {by ? `by ${by.words.toLowerCase()}, ${by.ways[sort.startsWith('-') ? 1 : 0]}` : 'worst first'}</caption>
      <thead><tr>{columns.map(c => <Head key={c.column} {...c} sort={sort} change={change} />)}</tr></thead>
      <tbody ref={rows}>{page.rows.map(w => <WorkspaceRow key={w.id} w={w} now={now} act={act} />)}</tbody>
    </table>
  )
}

/** Mending is a command of a row, with the button that does the same. */
function Mending({ w, command, needs, act, first = false }: { w: Workspace; command: string; needs: string | undefined; act: Acting; first?: boolean }) {
  const does = asks(w, command)
  return <span class="mending">{act && does && <button type="button" class={first ? 'main' : ''} onClick={() => act(does, w)}>{label(does)}</button>}<Command needs={needs}>{command}</Command></span>
}

/** Hint is what to do about a workspace. Of a long one the rest is shown when it is asked for. */
function Hint({ w, now }: { w: Workspace; now: number }) {
  const text = useRef<HTMLSpanElement>(null), [all, show] = useState(false), [cut, measured] = useState(false)
  useLayoutEffect(() => { if (text.current && !all) measured(text.current.scrollHeight > text.current.clientHeight + 1) })
  return (
    <>
      <span ref={text} class={'more' + (all ? ' all' : '')}><Said now={now} id={w.id} beside={w.command}>{w.hint}</Said></span>
      {cut && <button type="button" class="plain rest" aria-expanded={all} onClick={() => show(!all)}>{all ? 'Less' : 'All of it'}</button>}
    </>
  )
}

function WorkspaceRow({ w, now, act }: { w: Workspace; now: number; act: Acting }) {
  const open = waiting(w), wrong = own(w), command = commandOf(w)
  const click = (e: MouseEvent) => {
    const inside = e.target as HTMLElement
    if (inside.closest('a, button') || getSelection()?.isCollapsed === false) return
    go(workspaceQuery(w.id))
  }
  return (
    <tr data-id={w.id} class={wrong ? 'wrong' : ''} onClick={click}>
      <th scope="row" data-label="Workspace">
        <Named w={w} link={id => <a class="name" href={workspaceQuery(w.id)} onClick={e => {
          if (e.ctrlKey || e.metaKey || e.shiftKey) return
          e.preventDefault()
          go(workspaceQuery(w.id))
        }}>{id}</a>} />{' '}
        {w.team && <span class="team" title="team"><Name>{w.team}</Name></span>}
      </th>
      <td class="status" data-label="Status">
        <Dot status={w.status} expected={w.expected} /> <span class="reason">{why(w)}</span>
        {(wrong || w.problem === 'silent') && w.status !== 'paused' && w.hint && <Hint w={w} now={now} />}
        {command && <Mending w={w} command={command} needs={w.command_needs} act={act} first={wrong} />}
        {w.remarks?.map(r => <span class="remark" key={r.code}><span><Said now={now} id={w.id} beside={r.command}>{r.text}</Said></span>{r.command && <Mending w={w} command={r.command} needs={r.command_needs} act={act} />}</span>)}
      </td>
      <td class="since" data-label="Since"><Ago at={w.since} now={now} /></td>
      <td class="mode" data-label="Mode">{w.delivery.effective_mode}</td>
      <td class={'number' + (open ? '' : ' zero')} data-label="Waiting">{open}
        {open > 0 && <small>oldest {span(w.inbox.oldest_age_seconds)}</small>}</td>
      <td class={'number' + (w.messages.dead ? ' dead' : ' zero')} data-label="Dead">{w.messages.dead}</td>
      <td class="heard" data-label="Last heard"><Ago at={w.last_heard_at} now={now} /></td>
    </tr>
  )
}

function Pages({ page, change }: { page: Shown<Workspace>; change: (to: Partial<Filter>) => void }) {
  if (page.pages === 1) return null
  const first = (page.page - 1) * pageSize
  return (
    <nav class="pages" aria-label="Pages">
      <button type="button" disabled={page.page === 1} onClick={() => change({ page: page.page - 1 })}>Previous</button>
      <span>{first + 1} to {first + page.rows.length} of {page.total}</span>
      <button type="button" disabled={page.page === page.pages} onClick={() => change({ page: page.page + 1 })}>Next</button>
    </nav>
  )
}

/** useHeldRows keeps the rows in their places while a text of theirs is selected: a row that moves loses its selection. */
function useHeldRows(rows: { current: HTMLElement | null }, wanted: Workspace[], fleet: Workspace[]): Workspace[] {
  const held = useRef<string[]>([])
  const selection = getSelection()
  const selecting = !!selection && !selection.isCollapsed && !!rows.current?.contains(selection.anchorNode)
  if (!selecting) held.current = wanted.map(w => w.id)
  return selecting ? held.current.flatMap(id => fleet.filter(w => w.id === id)) : wanted
}

/** useKeptFocus gives a row its focus back that it lost because it moved, or because the page of its workspace was shown. */
function useKeptFocus(rows: { current: HTMLElement | null }, from: string | undefined) {
  const focused = useRef(from), returning = useRef(from !== undefined)
  useLayoutEffect(() => {
    const note = (e: FocusEvent) => { focused.current = (e.target as HTMLElement).closest<HTMLElement>('tr[data-id]')?.dataset['id'] }
    const dropped = (e: FocusEvent) => { if (e.relatedTarget) focused.current = undefined }
    const unwanted = () => { focused.current = undefined }
    addEventListener('focusin', note)
    addEventListener('focusout', dropped)
    addEventListener('pointerdown', unwanted)
    return () => {
      removeEventListener('focusin', note)
      removeEventListener('focusout', dropped)
      removeEventListener('pointerdown', unwanted)
    }
  }, [])
  useLayoutEffect(() => {
    if (!focused.current || document.activeElement !== document.body) return
    const row = [...rows.current?.querySelectorAll<HTMLElement>('tr[data-id]') ?? []].find(r => r.dataset['id'] === focused.current)
    row?.querySelector<HTMLElement>('a.name')?.focus({ preventScroll: !returning.current })
    if (rows.current) {
      if (!row) focused.current = undefined
      returning.current = false
    }
  })
}
