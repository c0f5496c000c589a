// Which workspaces the fleet page shows, and in which order: pure, and kept in the page's address.
import type { Reason, Status, Warning, Workspace } from './api'
import { severity, statusWords, waiting, why, worstFirst } from './words'

export interface Filter {
  search: string
  status: string
  reason: string
  cause: string // why it needs a hand
  mode: string
  team: string
  sort: string // a column, with - before it for the other way round; '': worst first
  page: number
  silent: boolean // those that have been silent for days are unfolded
}

export const noFilter: Filter = { search: '', status: '', reason: '', cause: '', mode: '', team: '', sort: '', page: 1, silent: false }

/** readFilter is the filter that an address holds. */
export function readFilter(query: string): Filter {
  const q = new URLSearchParams(query)
  return {
    search: q.get('search') ?? '', status: q.get('status') ?? '', reason: q.get('reason') ?? '', mode: q.get('mode') ?? '',
    cause: q.get('cause') ?? '', team: q.get('team') ?? '',
    sort: sorted(q.get('sort') ?? '').column ? q.get('sort') ?? '' : '',
    page: Math.max(1, Math.trunc(Number(q.get('page'))) || 1), silent: q.get('silent') === 'shown',
  }
}

/** writeFilter is the query of a filter's address. */
export function writeFilter(f: Filter): string {
  const q = new URLSearchParams()
  for (const name of ['search', 'status', 'reason', 'cause', 'mode', 'team', 'sort'] as const) if (f[name]) q.set(name, f[name])
  if (f.silent) q.set('silent', 'shown')
  if (f.page > 1) q.set('page', String(f.page))
  return q.size ? '?' + q : ''
}

/** Row is a workspace, or so much of it as a row's place needs. */
export type Row = Pick<Workspace, 'id' | 'name' | 'status' | 'reason' | 'since' | 'remarks' | 'delivery' | 'runtime' | 'role' | 'team' | 'url' | 'expected'> &
  Partial<Pick<Workspace, 'problem' | 'inbox' | 'messages' | 'last_heard_at' | 'faulty_hop' | 'action'>>

export const pageSize = 50

/** silentLong reports whether a workspace has been silent for days, and there is nothing else to say of it. */
export const silentLong = (w: Row) => w.problem === 'silent' && !w.remarks?.length

/** suspected reports whether the platform itself is suspected of what a workspace looks like. */
export const suspected = (w: Row) => w.problem === 'platform'

/** Cause is why a workspace needs a hand: its reason, or what its first remark warns of. */
export type Cause = Reason | Warning

/** own reports whether the verdict is a problem of this workspace, and not one that is told once for all. */
export const own = ({ problem }: Pick<Row, 'problem'>) => problem !== undefined && problem !== 'platform' && problem !== 'silent'

/**
 * cause is why an operator has something to do about a workspace; undefined: there is nothing. The platform decides it
 * (workspace.ProblemOf), for rollcall problems too. Those that the platform is suspected of, and those that have been
 * silent for days, are told once for all.
 */
export function cause(w: Row): Cause | undefined {
  return own(w) ? w.reason : w.remarks?.[0]?.code
}

/** needsHand reports whether an operator has something to do about a workspace. */
export const needsHand = (w: Row) => cause(w) !== undefined

/** commandOf is the command of a row's verdict. Where the platform is suspected, it stands once for all. */
export const commandOf = (w: Pick<Workspace, 'problem' | 'command'>) => w.problem === 'platform' ? undefined : w.command

/**
 * repairedTogether reports whether rollcall repair --reason credentials_rejected would repair a workspace, as
 * repairedTogether of the command line decides.
 */
export const repairedTogether = (w: Pick<Workspace, 'id' | 'status' | 'reason' | 'command'>) => w.reason === 'credentials_rejected' &&
  w.status !== 'removed' && !!w.command?.startsWith('rollcall repair ' + w.id) && !w.command.endsWith(' --show')

/** causes are why workspaces need a hand, worst first, with how many do for each. Each workspace has one. */
export const causes = (fleet: Row[]): Array<[Cause, number]> => [...counted(order(fleet).flatMap(w => cause(w) ?? []))]

/** inNeed is how many workspaces need a hand. */
export const inNeed = (fleet: Row[]) => causes(fleet).reduce((sum, [, n]) => sum + n, 0)

/**
 * place orders workspaces of one severity, as workspace.Problem.Place does: first one that never registered and in
 * whose name calls are refused, then other problems of its own, then what is told once for all, then what is none.
 */
function place(w: Row): number {
  if (w.problem === undefined) return 3
  if (w.reason === 'never_registered' && (w.faulty_hop === 'credential' || w.action === 'inspect')) return 0
  return own(w) ? 1 : 2
}

/** order is worst first, then by id. */
export const order = <W extends Row>(fleet: W[]): W[] => {
  const rank = (w: W) => severity(w.status, w.reason, (w.remarks ?? []).map(r => r.code))
  return fleet.toSorted((a, b) => rank(a) - rank(b) || place(a) - place(b) || (a.id < b.id ? -1 : 1))
}

/** Column is a column that the rows can be sorted by. */
export type Column = 'name' | 'status' | 'since' | 'mode' | 'waiting' | 'dead' | 'heard'

// What is compared of each column. The first way round is what one looks for: the latest change, the most messages.
const keys: Record<Column, { of: (w: Row) => number | string; first: 1 | -1 }> = {
  name: { of: w => w.id.toLowerCase(), first: 1 }, // by what stands first in a row
  status: { of: w => worstFirst.indexOf(w.status), first: 1 },
  since: { of: w => Date.parse(w.since) || 0, first: -1 },
  mode: { of: w => w.delivery.effective_mode, first: 1 },
  waiting: { of: w => waiting(w), first: -1 },
  dead: { of: w => w.messages?.dead ?? 0, first: -1 },
  heard: { of: w => Date.parse(w.last_heard_at ?? '') || 0, first: -1 },
}

/** sorted is the column of a sort, and the way round: 1 is ascending. */
export function sorted(sort: string): { column: Column | undefined; way: 1 | -1 } {
  const other = sort.startsWith('-'), name = other ? sort.slice(1) : sort
  const column = Object.hasOwn(keys, name) ? name as Column : undefined
  const first = column ? keys[column].first : 1
  return { column, way: other ? first === 1 ? -1 : 1 : first }
}

/** nextSort is the sort after a column's head was pressed: one way round, the other, and worst first again. */
export const nextSort = (sort: string, column: Column) => sort === column ? '-' + column : sort === '-' + column ? '' : column

/** arranged are the rows in the order of a sort. Rows that are equal keep the order of worst first. */
export function arranged<W extends Row>(fleet: W[], sort: string): W[] {
  const worst = order(fleet), { column, way } = sorted(sort)
  if (!column) return worst
  const { of } = keys[column]
  return worst.toSorted((a, b) => {
    const [x, y] = [of(a), of(b)]
    return x === y ? 0 : (x < y ? -1 : 1) * way
  })
}

const found = (w: Row, search: string) => {
  const text = [w.id, w.name, w.runtime, w.role, w.team, w.url, w.reason, why(w), statusWords[w.status]]
    .join('\n').toLowerCase()
  return search.toLowerCase().split(/\s+/).every(word => text.includes(word))
}

export interface Shown<W> {
  rows: W[] // of the page
  folded: number // silent for days, and not shown
  total: number // that the filter lets through, without the folded ones
  pages: number
  page: number
  statuses: Array<[Status, number]> // how many there are of each, in the whole fleet
  reasons: Array<[Reason, number]>
  modes: Array<[string, number]>
  teams: Array<[string, number]> // without those that are in none
}

function counted<K extends string>(keys: K[]): Map<K, number> {
  const out = new Map<K, number>()
  for (const k of keys) out.set(k, (out.get(k) ?? 0) + 1)
  return out
}

/** shown is what the page shows of a fleet. */
export function shown<W extends Row>(fleet: W[], f: Filter): Shown<W> {
  const kept = arranged(fleet.filter(w => (!f.status || w.status === f.status) && (!f.reason || w.reason === f.reason) && (!f.cause || cause(w) === f.cause) &&
    (!f.mode || w.delivery.effective_mode === f.mode) && (!f.team || w.team === f.team) && found(w, f.search)), f.sort)
  const recent = kept.filter(w => !silentLong(w)), old = kept.filter(w => silentLong(w))
  // Who searches for one, or asks for a status, is shown it.
  const unfolded = f.silent || recent.length === 0 || f.search !== ''
  const rows = unfolded ? [...recent, ...old] : recent
  const pages = Math.max(1, Math.ceil(rows.length / pageSize)), page = Math.min(f.page, pages)
  const statuses = counted(fleet.map(w => w.status))
  return {
    rows: rows.slice((page - 1) * pageSize, page * pageSize), folded: unfolded ? 0 : old.length, total: rows.length, pages, page,
    statuses: worstFirst.filter(s => statuses.has(s)).map(s => [s, statuses.get(s) ?? 0]),
    reasons: [...counted(fleet.map(w => w.reason))].sort(([a], [b]) => a < b ? -1 : 1),
    modes: [...counted(fleet.map(w => w.delivery.effective_mode))].sort(([a], [b]) => a < b ? -1 : 1),
    teams: [...counted(fleet.flatMap(w => w.team || []))].sort(([a], [b]) => a < b ? -1 : 1),
  }
}
