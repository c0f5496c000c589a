// What the console knows of the fleet, and how it keeps that true: it reads the fleet once, follows its changes by
// GET /events, reads a workspace again when time alone changes its verdict, and what is on the screen now and then. All
// of it is read anew seldom.
import { Problem, call, credential, get, of, platformNow } from './api'
import type { Change, Events, Fleet, Health, Me, Webhook, Webhooks, Workspace } from './api'
import { named } from './names'
import { notSignedIn } from './refusals'
import { visible } from './visible'
import { reasonWords, severity, statusWords } from './words'

/** most is how many workspaces are read: a browser shows more than that badly. */
export const most = 5_000
const anewEvery = 300_000
const screenEvery = 20_000
const hooksEvery = 60_000
const atOnce = 50 // workspaces that one call reads (MaxIDs of shared/api). So small a fleet is looked after whole
const many = 200 // changes at once with which the whole fleet is read
const said = 3 // workspaces of one answer whose change is said; of more the number is
const kept = 20 // lines of news
const settled = 300 // milliseconds after which the screen does not change any more under who types

export interface State {
  fleet: Workspace[] | undefined // undefined: not read yet
  more: boolean // there are more than most
  health: Health | undefined
  hooks: Webhook[] // with which something is wrong, as far as who is signed in may know it
  me: Me | undefined // who is signed in
  refused: string | undefined // a credential is needed, and why the last one was not good; undefined: none is
  trouble: string // why the platform can't be asked; '': it can
  readAt: number // when it answered last, by this browser's clock
  news: News[] // the last changes, oldest first, for a screen reader
}

/** News is one line that a screen reader says. Its number is its own. */
export interface News { n: number, text: string }

const initial: State = {
  fleet: undefined, more: false, health: undefined, hooks: [], me: undefined, refused: undefined, trouble: '', readAt: 0, news: [],
}

/** mayAct reports whether who is signed in may do what an operator does. */
export const mayAct = ({ me }: State) => me?.scope === 'operate' || me?.scope === 'admin'

/** mayLookOnly reports whether who is signed in may not: such a person is offered nothing to do. */
export const mayLookOnly = (state: State) => !!state.me && !mayAct(state)

const later = (ms: number, signal: AbortSignal) => new Promise<void>(done => {
  const timer = setTimeout(done, ms)
  signal.addEventListener('abort', () => { clearTimeout(timer); done() }, { once: true })
})

/** severityOf is small for what has to be said first. */
const severityOf = ({ to }: Change) => severity(to.status, to.reason, [])

const crowdedPause = 5_000

/**
 * changesAfter waits for changes after a number. Where as many calls of this person, or from this address, wait as may,
 * it waits itself for a while.
 */
async function changesAfter(since: number, signal: AbortSignal): Promise<Events> {
  try {
    return await get<Events>(`events?since=${since}&wait=20`, signal)
  } catch (e) {
    if (!(e instanceof Problem) || e.status !== 429) throw e
    await later(crowdedPause, signal)
    return get<Events>(`events?since=${since}`, signal)
  }
}

/** Live is the state, and who is told of its changes. */
export class Live {
  state = initial
  private readonly told = new Set<() => void>()
  private turn = new AbortController()
  private rechecks: ReturnType<typeof setTimeout> | undefined
  private looked: string[] = [] // on the screen
  private looks: ReturnType<typeof setTimeout> | undefined
  private hooksAt = 0 // when the webhooks were read, by this browser's clock
  private readonly readOf = new Map<string, number>() // when each workspace was read, by this browser's clock

  /** subscribe has a function called after each change, until what it returns is called. */
  subscribe(then: () => void) {
    this.told.add(then)
    return () => { this.told.delete(then) }
  }

  private set(change: Partial<State>) {
    this.state = { ...this.state, ...change }
    for (const then of this.told) then()
  }

  /** start begins anew, with the credential that is kept. What an earlier start still reads is dropped. */
  start() {
    this.stop()
    this.turn = new AbortController()
    this.hooksAt = 0
    this.set({ ...initial, readAt: Date.now() })
    void this.run(this.turn.signal)
  }

  /** stop has nothing read any more. */
  stop() {
    this.turn.abort()
    clearTimeout(this.rechecks)
    clearTimeout(this.looks)
  }

  signIn(secret: string) {
    credential.set(secret)
    this.start()
  }

  signOut() {
    credential.forget()
    this.start()
  }

  private async run(signal: AbortSignal) {
    while (!signal.aborted) {
      try {
        await this.follow(signal)
      } catch (e) {
        if (!signal.aborted) this.failed(e)
      }
      await later(1_000 + Math.random() * 2_000, signal)
    }
  }

  private failed(e: unknown) {
    if (e instanceof Problem && (e.status === 401 || e.status === 403)) {
      const why = credential.get() ? visible(notSignedIn(e)) : ''
      credential.forget()
      this.turn.abort()
      this.set({ ...initial, refused: why })
      return
    }
    this.set({ trouble: e instanceof Error ? visible(e.message) : 'it fails' })
  }

  private heard(change: Partial<State>) {
    this.set({ ...change, trouble: '', readAt: Date.now() })
  }

  /** follow reads the fleet, and follows it until somebody came or went. */
  private async follow(signal: AbortSignal) {
    if (credential.get() && !this.state.me) this.set({ me: await get<Me>('whoami', signal) })
    let next = this.state.me?.team ? -1 : (await get<Events>('events?limit=1', signal)).next // before the fleet, so that no change is missed
    await this.readFleet(signal)
    const ends = new AbortController(), both = AbortSignal.any([signal, ends.signal])
    const anew = this.readNowAndThen(both)
    try {
      // Who is bound to a team may not follow the whole fleet's changes.
      while (next >= 0 && !signal.aborted) {
        const { events, next: after } = await Promise.race([changesAfter(next, both), anew])
        next = after
        this.heard({})
        if (!await this.apply(events, signal)) return
      }
      await anew
    } finally {
      ends.abort()
    }
  }

  /** readNowAndThen reads what no change tells: counters, times, and whether the platform's sweeper runs. */
  private async readNowAndThen(signal: AbortSignal): Promise<never> {
    for (let anew = Date.now() + anewEvery;;) {
      void this.readHooks(signal)
      await later(screenEvery, signal)
      if (signal.aborted) throw signal.reason
      if (document.hidden) continue
      if (this.state.me?.team || Date.now() >= anew) {
        await this.readFleet(signal)
        anew = Date.now() + anewEvery
      } else {
        await this.readNamed(this.looked, signal)
        this.heard({ health: await get<Health>('healthz', signal) })
      }
    }
  }

  /** readHooks reads the webhooks, for who may. What it can't read, it leaves: other calls tell that the platform is away. */
  private async readHooks(signal: AbortSignal) {
    if (!mayAct(this.state) || this.state.me?.team || document.hidden || Date.now() - this.hooksAt < hooksEvery) return
    this.hooksAt = Date.now()
    const read = await get<Webhooks>('webhooks', signal).catch(() => undefined)
    if (read && !signal.aborted) this.hooksRead(read.webhooks)
  }

  /** hooksRead takes note of all webhooks, as a page has read them. */
  hooksRead(all: Webhook[]) {
    this.set({ hooks: all.filter(h => h.problem) })
  }

  /** look says which workspaces are on the screen. Those that were read too long ago are read again. */
  look(ids: string[]) {
    if (ids.join() === this.looked.join()) return
    this.looked = ids
    clearTimeout(this.looks)
    const signal = this.turn.signal
    this.looks = setTimeout(() => {
      const old = this.looked.filter(id => Date.now() - (this.readOf.get(id) ?? 0) >= screenEvery)
      this.readNamed(old, signal).catch(e => { if (!signal.aborted) this.failed(e) })
    }, settled)
  }

  private async readFleet(signal: AbortSignal) {
    const fleet: Workspace[] = []
    let cursor: string | null = ''
    while (cursor !== null && fleet.length < most) {
      const page: Fleet = await get<Fleet>('workspaces?limit=500' + (cursor && '&cursor=' + encodeURIComponent(cursor)), signal)
      fleet.push(...page.workspaces)
      cursor = page.next
    }
    const health = await get<Health>('healthz', signal)
    if (signal.aborted) return
    this.readOf.clear()
    for (const w of fleet) this.readOf.set(w.id, Date.now())
    this.heard({ fleet, more: cursor !== null, health })
    this.recheck()
  }

  /** readNamed reads some workspaces. Those that are not in the answer are not, or no more, in the fleet. */
  private async readNamed(ids: string[], signal: AbortSignal) {
    for (let i = 0; i < ids.length; i += atOnce) {
      const asked = ids.slice(i, i + atOnce)
      const { workspaces } = await get<Fleet>('workspaces?ids=' + asked.join(','), signal)
      if (signal.aborted) return
      const fleet = this.state.fleet ?? [], known = new Set(fleet.map(w => w.id))
      const read = new Map(workspaces.map(w => [w.id, w])), gone = new Set(asked)
      for (const id of read.keys()) {
        gone.delete(id)
        this.readOf.set(id, Date.now())
      }
      this.heard({ fleet: [...fleet.filter(w => !gone.has(w.id)).map(w => read.get(w.id) ?? w), ...workspaces.filter(w => !known.has(w.id))] })
    }
    this.recheck()
  }

  /** apply reads the workspaces that changed. It reports false when they are too many. */
  private async apply(events: Change[], signal: AbortSignal): Promise<boolean> {
    const ids = [...new Set(events.map(e => e.workspace_id))]
    if (ids.length <= many) await this.readNamed(ids, signal)
    this.tell(events)
    return ids.length <= many
  }

  /** tell says how each workspace is now, worst first, and of how many it says nothing. */
  private tell(events: Change[]) {
    const newest = new Map(events.map(e => [e.workspace_id, e]))
    const changes = [...newest.values()].sort((a, b) => severityOf(a) - severityOf(b))
    const lines = changes.slice(0, said).map(e => this.say(e)), rest = changes.length - lines.length
    if (rest > 0) lines.push(rest === 1 ? '1 more workspace changed' : `${rest} more workspaces changed`)
    const { news } = this.state, next = (news.at(-1)?.n ?? 0) + 1
    this.set({ news: [...news, ...lines.map((text, i) => ({ n: next + i, text }))].slice(-kept) })
  }

  private say({ workspace_id: id, to }: Change): string {
    const w = this.state.fleet?.find(w => w.id === id) ?? { id }
    return `${named(w)} is ${statusWords[to.status].toLowerCase()}: ${reasonWords[to.reason].toLowerCase()}`
  }

  /** read reads one workspace. It reports false when it is not, or no more, in the fleet. */
  async read(id: string, signal: AbortSignal = this.turn.signal): Promise<boolean> {
    try {
      const w = await get<Workspace>(of(id), signal)
      if (signal.aborted) return true
      const fleet = this.state.fleet ?? [], known = fleet.some(old => old.id === id)
      this.heard({ fleet: known ? fleet.map(old => old.id === id ? w : old) : [...fleet, w] })
      this.recheck()
      return true
    } catch (e) {
      if (e instanceof Problem && (e.status === 404 || e.status === 410)) {
        this.heard({ fleet: this.state.fleet?.filter(w => w.id !== id) })
        return true
      }
      throw e
    }
  }

  /**
   * recheck reads those workspaces again whose verdict time alone changes, when it does: of a small fleet all, of a large
   * one those that are not well. Of the others the next sweep tells.
   */
  private recheck() {
    clearTimeout(this.rechecks)
    const signal = this.turn.signal, fleet = this.state.fleet ?? []
    const due = fleet.filter(w => w.recheck_at && (fleet.length <= atOnce || w.status !== 'online'))
      .map(w => ({ id: w.id, at: Date.parse(w.recheck_at ?? '') })).sort((a, b) => a.at - b.at).slice(0, atOnce)
    const first = due[0]
    if (!first || signal.aborted) return
    const slack = 300, soon = Math.max(1_000, first.at + slack - platformNow())
    this.rechecks = setTimeout(() => {
      const now = platformNow()
      const over = due.filter(d => d.at <= now)
      this.readNamed(over.map(d => d.id), signal).catch(e => { if (!signal.aborted) this.failed(e) })
        .finally(() => { if (!signal.aborted && over.length === 0) this.recheck() })
    }, Math.min(soon, 2 ** 31 - 1))
  }

  /** act makes an operator's call about a workspace, and reads it again. What was done is done, also if that fails. */
  async act<T>(id: string, path: string, body?: unknown, method = 'POST'): Promise<T> {
    const signal = this.turn.signal, done = await call<T>(method, path, body)
    await this.read(id, signal).catch(e => { if (!signal.aborted) this.failed(e) })
    return done
  }
}
