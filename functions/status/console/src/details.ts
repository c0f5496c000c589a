// What is known of one workspace beside its row: its explanation, its history and its mail.
import { useEffect, useRef, useState } from 'preact/hooks'
import { Problem, canBe, get, of, platformNow } from './api'
import type { Explanation, History, HistoryEntry, Receipt, Receipts, Workspace } from './api'
import type { Live } from './live'

export interface Details {
  explanation: Explanation | undefined
  history: HistoryEntry[] | undefined
  mail: Receipt[] | undefined // newest first
  moreMail: boolean // there is older mail than that
  noMail: string // why the person may not read mail; '': they may
  missing: Problem | undefined // there is no such workspace
}

const nothing: Details = { explanation: undefined, history: undefined, mail: undefined, moreMail: false, noMail: '', missing: undefined }

const every = 5_000
const pageOf = 100

/** useDetails reads a workspace's details, and again when its row changes. more asks for older mail. */
export function useDetails(id: string, row: Workspace | undefined, live: Live, hours: number): Details & { more: () => void; again: () => void } {
  const [details, set] = useState(nothing), [pages, morePages] = useState(1), [turn, next] = useState(0)
  const state = row && JSON.stringify([row.status, row.reason, row.since, row.hint, row.remarks, row.messages, row.expected,
    Date.parse(row.lease_until ?? '') <= platformNow()]) // what time alone changes in the explanation
  const loading = useRef(0)
  useEffect(() => {
    if (!canBe(id)) { // no call: it would be one about something else, or of no end
      set({ ...nothing, missing: new Problem(404, {}) })
      return
    }
    const mine = ++loading.current, ends = new AbortController()
    const from = platformNow() - hours * 3_600_000
    read(id, pages, from, ends.signal).then(
      found => { if (mine === loading.current) set(found) },
      e => { if (mine === loading.current && e instanceof Problem && (e.status === 404 || e.status === 410)) set({ ...nothing, missing: e }) })
    return () => ends.abort()
  }, [id, state, pages, hours, turn])
  useEffect(() => {
    // No change tells of mail: the row has its counters, and what a try came to stands in the receipts alone.
    const timer = setInterval(() => {
      if (document.hidden || !canBe(id) || live.state.trouble) return
      const now = live.state.fleet?.find(w => w.id === id)
      live.read(id).catch(() => undefined)
      if (now && (now.inbox.queued || now.inbox.in_flight)) next(n => n + 1)
    }, every)
    return () => clearInterval(timer)
  }, [id])
  return { ...details, more: () => morePages(n => n + 1), again: () => next(n => n + 1) }
}

async function read(id: string, pages: number, from: number, signal: AbortSignal): Promise<Details> {
  const [explanation, { history }, mail] = await Promise.all([
    get<Explanation>(of(id, 'explain'), signal), get<History>(of(id, 'history') + '?limit=100', signal),
    readMail(id, pages, from, signal),
  ])
  return { explanation, history, missing: undefined, ...mail }
}

const mostPages = 5 // that are read for the charts

/** readMail reads so many pages of mail, and so far back as the charts go. */
async function readMail(id: string, pages: number, from: number, signal: AbortSignal) {
  const mail: Receipt[] = []
  let cursor: string | null = ''
  try {
    for (let page = 0; cursor !== null; page++) {
      const oldest = mail.at(-1)
      if (page >= pages && (page >= mostPages || (oldest && Date.parse(oldest.accepted_at) < from))) break
      const found: Receipts = await get<Receipts>(`${of(id, 'messages')}?limit=${pageOf}` + (cursor && '&cursor=' + encodeURIComponent(cursor)), signal)
      mail.push(...found.messages)
      cursor = found.next
    }
    return { mail, moreMail: cursor !== null, noMail: '' }
  } catch (e) {
    if (e instanceof Problem && (e.status === 401 || e.status === 403)) return { mail: undefined, moreMail: false, noMail: e.message }
    throw e
  }
}
