import assert from 'node:assert/strict'
import test from 'node:test'
import { load } from './bundle.mjs'

const { Live } = await load('live.ts')

/** A platform with a fleet that changes by itself. It counts its calls. */
class Platform {
  calls = {}
  events = []
  constructor(size) {
    this.fleet = [...Array(size).keys()].map(i => ({ id: 'w' + i, name: 'w' + i, status: 'online', reason: 'healthy' }))
  }
  turn(i, status, reason) {
    Object.assign(this.fleet[i], { status, reason })
    this.events.push({ workspace_id: 'w' + i, to: { status, reason } })
  }
  async answer(path) {
    const { pathname, searchParams: q } = new URL(path, 'http://platform/')
    const count = what => { this.calls[what] = (this.calls[what] ?? 0) + 1 }
    if (pathname === '/healthz') {
      count('health')
      return { status: 'ok' }
    }
    if (pathname === '/events') {
      const since = Number(q.get('since') ?? this.events.length)
      count(q.has('since') ? 'events' : 'newest event')
      for (let waited = 0; waited < Number(q.get('wait')) && this.events.length <= since; waited++) {
        await new Promise(done => setTimeout(done, 1_000))
      }
      return { events: this.events.slice(since), next: this.events.length }
    }
    if (pathname === '/whoami') return this.me
    if (pathname === '/webhooks') {
      count('webhooks')
      return { webhooks: [{ webhook_id: 'a', state: 'working' }, { webhook_id: 'b', state: 'failing', problem: 'it fails' }] }
    }
    assert.equal(pathname, '/workspaces')
    if (q.has('ids')) {
      count('named')
      const ids = q.get('ids').split(',')
      assert.ok(ids.length <= 50)
      return { workspaces: structuredClone(this.fleet.filter(w => ids.includes(w.id))), next: null }
    }
    count('page of the fleet')
    const from = Number(q.get('cursor') ?? 0), to = from + Number(q.get('limit'))
    return { workspaces: structuredClone(this.fleet.slice(from, to)), next: to < this.fleet.length ? String(to) : null }
  }
}

/** minutes lets a console follow the platform for so many virtual minutes, and returns what it knows then. */
async function minutes(t, platform, n, { hidden = false, screen = 50, during, each } = {}) {
  t.mock.timers.enable({ apis: ['setTimeout', 'Date'] })
  t.mock.method(globalThis, 'fetch', async path => new Response(JSON.stringify(await platform.answer(path))))
  globalThis.document = { hidden }
  globalThis.sessionStorage = { getItem: () => platform.me ? 'rcp_x' : null }
  const live = new Live()
  live.start()
  for (let second = 0; second < n * 60; second++) {
    if (second === 1) live.look(platform.fleet.slice(0, screen).map(w => w.id))
    if (second === 25) during?.(live)
    each?.(second)
    for (let i = 0; i < 30; i++) await new Promise(setImmediate)
    t.mock.timers.tick(1_000)
  }
  live.stop()
  return live.state
}

test('a minute of a large fleet costs a read of the fleet, and some calls that do not grow with it', async t => {
  const platform = new Platform(2_000)
  const state = await minutes(t, platform, 1)
  assert.equal(state.fleet.length, 2_000)
  assert.equal(state.trouble, '')
  const { 'page of the fleet': pages, named, health } = platform.calls
  assert.ok(pages === 4 && named <= 3 && health <= 4 && platform.calls.events <= 4, JSON.stringify(platform.calls))
})

test('in half an hour the fleet is read anew six times', async t => {
  const platform = new Platform(600)
  await minutes(t, platform, 29)
  assert.ok(platform.calls['page of the fleet'] <= 2 * 6, JSON.stringify(platform.calls))
})

test('nobody sees a hidden page, and so it only follows', async t => {
  const platform = new Platform(600)
  await minutes(t, platform, 5, { hidden: true })
  assert.ok(!platform.calls.named && platform.calls['page of the fleet'] === 2, JSON.stringify(platform.calls))
})

test('what changed is read, wherever it is, and what is gone is forgotten', async t => {
  const platform = new Platform(600)
  const state = await minutes(t, platform, 1, { during: () => {
    platform.turn(599, 'degraded', 'push_failing')
    platform.turn(7, 'offline', 'lease_expired')
    platform.turn(598, 'removed', 'removed')
    platform.fleet.splice(598, 1)
    platform.fleet.push({ id: 'w600', name: 'w600', status: 'provisioning', reason: 'never_registered' })
    platform.turn(599, 'provisioning', 'never_registered')
    platform.events.at(-1).workspace_id = 'w600'
  } })
  const of = id => state.fleet.find(w => w.id === id)?.reason
  assert.deepEqual([of('w599'), of('w7'), of('w598'), of('w600')], ['push_failing', 'lease_expired', undefined, 'never_registered'])
  assert.equal(platform.calls['page of the fleet'], 2)
})

test('many changes at once are read with the whole fleet', async t => {
  const platform = new Platform(600)
  const state = await minutes(t, platform, 1, { during: () => {
    for (let i = 0; i < 201; i++) platform.turn(i, 'offline', 'lease_expired')
  } })
  assert.equal(state.fleet.filter(w => w.status === 'offline').length, 201)
  assert.ok(platform.calls['page of the fleet'] <= 4 && platform.calls.named <= 3, JSON.stringify(platform.calls))
})

test('no change is silent: of each answer the worst are said, and how many more there are', async t => {
  const healthy = ['online', 'healthy'], gone = ['offline', 'lease_expired'], refused = ['degraded', 'credentials_rejected']
  const sound = 'is online: messages arrive', lost = 'is offline: nothing is heard of its agent', cut = 'is degraded: its credential is missing or refused'
  for (const [what, changes, lines] of [
    ['two', { 1: healthy, 2: gone }, ['w2 ' + lost, 'w1 ' + sound]],
    ['one twice', { 1: gone, ' 1': healthy }, ['w1 ' + sound]],
    ['three', { 1: healthy, 2: gone, 3: refused }, ['w3 ' + cut, 'w2 ' + lost, 'w1 ' + sound]],
    ['four', { 1: healthy, 2: gone, 3: refused, 4: gone }, ['w3 ' + cut, 'w2 ' + lost, 'w4 ' + lost, '1 more workspace changed']],
    ['too many to read one by one', Object.fromEntries([...Array(201).keys()].map(i => [i, gone])),
      [0, 1, 2].map(i => `w${i} ${lost}`).concat('198 more workspaces changed')],
  ]) {
    await t.test(what, async t => {
      const platform = new Platform(600)
      const { news } = await minutes(t, platform, 1, { during: () => {
        for (const [i, to] of Object.entries(changes)) platform.turn(Number(i), ...to)
      } })
      assert.deepEqual(news.map(line => line.text), lines)
    })
  }
})

test('the news names a workspace by its id, whatever its card calls it', async t => {
  const platform = new Platform(60)
  Object.assign(platform.fleet[1], { name: 'w2 is online: messages arrive” \u202e' })
  const { news } = await minutes(t, platform, 1, { during: () => platform.turn(1, 'offline', 'lease_expired') })
  assert.deepEqual(news.map(line => line.text), ['w1 “w2 is online: messages arrive" \\u202e” is offline: nothing is heard of its agent'])
})

test('the newest twenty lines of news stand, each with its own number', async t => {
  const platform = new Platform(600)
  const { news } = await minutes(t, platform, 1, { each: second => {
    if (second < 50) platform.turn(second, 'offline', 'lease_expired')
  } })
  assert.deepEqual(news.map(line => line.text), [...Array(20).keys()].map(i => `w${30 + i} is offline: nothing is heard of its agent`))
  assert.deepEqual(news.map(line => line.n), [...Array(20).keys()].map(i => news[0].n + i))
})

test('who turns the page is shown counters of now', async t => {
  const platform = new Platform(600)
  const state = await minutes(t, platform, 0.5, { during: live => {
    platform.fleet[300].inbox = { queued: 5 }
    live.look(['w300'])
  } })
  assert.deepEqual(state.fleet.find(w => w.id === 'w300').inbox, { queued: 5 })
})

test('who may list webhooks is told of those that fail, for a call a minute; nobody else asks for them', async t => {
  const people = [[undefined, false], [{ scope: 'view' }, false], [{ scope: 'operate', team: 'red' }, false], [{ scope: 'operate' }, true], [{ scope: 'admin' }, true]]
  for (const [me, may] of people) {
    await t.test(JSON.stringify(me ?? 'nobody'), async t => {
      const platform = Object.assign(new Platform(60), { me })
      const { hooks } = await minutes(t, platform, 10, { each: second => {
        if (second % 40 === 20) platform.fleet.push({ id: 'new' + second, name: 'new', status: 'online', reason: 'healthy' })
      } })
      assert.deepEqual(hooks.map(h => h.webhook_id), may ? ['b'] : [])
      const { webhooks = 0 } = platform.calls
      assert.ok(may ? webhooks >= 7 && webhooks <= 10 : webhooks === 0, JSON.stringify(platform.calls))
    })
  }
})

test('a credential that is refused says what is wrong with it, also one that a browser cannot send', async t => {
  const hint = 'send the credential alone, as it was shown: it stands in quotation marks or in brackets'
  for (const [text, want] of [
    ['"rcp_x"', /^Nobody has this\. Send the credential alone.*quotation marks/], ['“rcp_x”', /^Nobody has this.*no printable ASCII\.$/], ['', /^$/],
  ]) {
    const body = JSON.stringify({ error: 'nobody has this', code: 'credential_unknown', hint })
    t.mock.method(globalThis, 'fetch', async () => new Response(body, { status: 401 }))
    globalThis.document = { hidden: false }
    globalThis.sessionStorage = { getItem: () => text, removeItem() {} }
    const live = new Live()
    live.start()
    await new Promise(done => setTimeout(done, 50))
    live.stop()
    assert.match(live.state.refused, want)
  }
})
