// Which workspaces the fleet page shows, and in which order: pure, and kept in the page's address.
import type { Reason, Status, Workspace } from './api'
import { reasonWords, severity, statusWords, worstFirst } from './words'

export interface Filter {
  search: string
  status: string
  reason: string
  mode: string
  page: number
  silent: boolean // those that have been silent for days are unfolded
}

export const noFilter: Filter = { search: '', status: '', reason: '', mode: '', page: 1, silent: false }

/** readFilter is the filter that an address holds. */
export function readFilter(query: string): Filter {
  const q = new URLSearchParams(query)
  return {
    search: q.get('search') ?? '', status: q.get('status') ?? '', reason: q.get('reason') ?? '', mode: q.get('mode') ?? '',
    page: Math.max(1, Math.trunc(Number(q.get('page'))) || 1), silent: q.get('silent') === 'shown',
  }
}

/** writeFilter is the query of a filter's address. */
export function writeFilter(f: Filter): string {
  const q = new URLSearchParams()
  for (const name of ['search', 'status', 'reason', 'mode'] as const) if (f[name]) q.set(name, f[name])
  if (f.silent) q.set('silent', 'shown')
  if (f.page > 1) q.set('page', String(f.page))
  return q.size ? '?' + q : ''
}

/** Row is a workspace, or so much of it as a row's place needs. */
export type Row = Pick<Workspace, 'id' | 'name' | 'status' | 'reason' | 'since' | 'remarks' | 'delivery' | 'runtime' | 'role' | 'team' | 'url'>

export const pageSize = 50
const days = 24 * 3_600_000

/** silentFor is after how long silence is nothing new, in milliseconds. */
export const silentFor = 3 * days

/** silentLong reports whether a workspace has been silent for days. */
export const silentLong = (w: Row, now: number) => w.status === 'offline' && now - Date.parse(w.since) > silentFor

/** order is worst first, then by id. */
export const order = <W extends Row>(fleet: W[]): W[] => {
  const rank = (w: W) => severity(w.status, w.reason, w.remarks?.length ?? 0)
  return fleet.toSorted((a, b) => rank(a) - rank(b) || (a.id < b.id ? -1 : 1))
}

const found = (w: Row, search: string) => {
  const text = [w.id, w.name, w.runtime, w.role, w.team, w.url, w.reason, reasonWords[w.reason], statusWords[w.status]]
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
}

function counted<K extends string>(keys: K[]): Map<K, number> {
  const out = new Map<K, number>()
  for (const k of keys) out.set(k, (out.get(k) ?? 0) + 1)
  return out
}

/** shown is what the page shows of a fleet. */
export function shown<W extends Row>(fleet: W[], f: Filter, now: number): Shown<W> {
  const kept = order(fleet.filter(w => (!f.status || w.status === f.status) && (!f.reason || w.reason === f.reason) &&
    (!f.mode || w.delivery.effective_mode === f.mode) && found(w, f.search)))
  const recent = kept.filter(w => !silentLong(w, now)), old = kept.filter(w => silentLong(w, now))
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
  }
}
