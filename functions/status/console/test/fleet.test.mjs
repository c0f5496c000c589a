import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { load } from './bundle.mjs'

const { arranged, cause, causes, commandOf, inNeed, needsHand, repairedTogether, nextSort, order, pageSize, readFilter, shown, sorted, writeFilter, noFilter } = await load('fleet.ts')
const { causeWords, expectedWords, faultOf, listedTries, reasonWords, statusWords, tone, toneOfAll, toneThen, why } = await load('words.ts')
const here = new URL('.', import.meta.url)
const { components } = JSON.parse(readFileSync(new URL('../../openapi.json', here), 'utf8'))

const now = Date.parse('2026-11-25T12:00:00Z')
const ago = seconds => new Date(now - seconds * 1000).toISOString()
const row = (id, status, reason, more) => (
  { id, name: id, status, reason, since: ago(60), problem: { degraded: 'own', offline: 'own', unknown: 'platform' }[status],
    delivery: { effective_mode: 'push', reason: '' }, ...more })

test('each status and reason of the API has words', () => {
  assert.deepEqual(Object.keys(statusWords).sort(), components.schemas.Status.enum.toSorted())
  assert.deepEqual(Object.keys(reasonWords).sort(), components.schemas.Reason.enum.toSorted())
  const causes = new Set([...components.schemas.Reason.enum, ...components.schemas.Remark.properties.code.enum])
  assert.deepEqual(Object.keys(causeWords).sort(), [...causes].sort())
})

test('tries that are not listed are told', () => {
  const attempts = Array(20).fill({})
  assert.equal(listedTries({ tries: 33, attempts }), '20 of 33 tries are listed: the first that failed, and the newest.')
  assert.equal(listedTries({ tries: 20, attempts }), '')
})

test('a dot follows the promise, and what is past has its status alone', () => {
  const { Status, Expectation } = components.schemas
  for (const status of Status.enum) {
    for (const expected of Expectation.enum) {
      const arrives = ['now', 'next_poll', 'when_idle'].includes(expected)
      const want = { online: arrives ? 'good' : 'warn', degraded: arrives ? 'warn' : 'bad', offline: 'gone', unknown: 'unsure' }[status] ?? 'idle'
      assert.equal(tone(status, expected), want, `${status}, ${expected}`)
      assert.ok(expectedWords[expected], expected)
      assert.equal(why({ status, reason: 'healthy', expected }) === reasonWords.healthy, status !== 'online' || arrives)
    }
  }
  assert.equal(tone('degraded'), 'warn')
  assert.equal(tone('online'), 'good')
})

test('one state has one mark: in the past as now, and a count has the mark of its worst', () => {
  const { Status, Reason, Expectation } = components.schemas
  for (const status of Status.enum) for (const expected of Expectation.enum) {
    for (const reason of Reason.enum) assert.equal(toneThen(status, reason, { status, reason, expected }), tone(status, expected))
    assert.equal(toneOfAll(status, [{ status, expected }]), tone(status, expected))
  }
  assert.equal(toneThen('degraded', 'push_failing', { status: 'online', reason: 'healthy', expected: 'now' }), 'bad')
  assert.equal(toneThen('degraded', 'error_rate'), 'warn')
  assert.equal(toneOfAll('degraded', [{ status: 'degraded', expected: 'now' }, { status: 'degraded', expected: 'retrying' }]), 'bad')
  assert.equal(toneOfAll('online', []), 'good')
})

test('the link at fault is named wherever the platform names one, but for a hold', () => {
  const { Status, Hop } = components.schemas
  for (const status of Status.enum) {
    for (const faulty_hop of Hop.enum) {
      assert.equal(faultOf({ status, faulty_hop }), ['paused', 'removed'].includes(status) ? '' : faulty_hop)
    }
  }
})

test('a row says that calls are refused in the name of a workspace that never registered', () => {
  const { Reason, Expectation, Hop } = components.schemas
  for (const reason of Reason.enum) for (const expected of Expectation.enum) for (const faulty_hop of Hop.enum) {
    const said = why({ status: 'provisioning', reason, expected, faulty_hop })
    assert.ok(said.startsWith(reasonWords[reason]))
    assert.equal(said.includes('are refused'), reason === 'never_registered' && faulty_hop === 'credential', said)
  }
})

test('a filter that is written to an address is read back', () => {
  const words = ['', 'a', 'a b&c=d#?%', '\u202e', 'مساعد']
  for (const search of words) for (const status of words) for (const silent of [true, false]) for (const page of [1, 7]) for (const sort of ['', 'since', '-since']) {
    const filter = { search, status, reason: search, cause: status, mode: status, team: search, sort, page, silent }
    assert.deepEqual(readFilter(writeFilter(filter)), filter)
  }
  for (const page of ['0', '-1', 'x', 'NaN', '1e99']) assert.ok(readFilter('?page=' + page).page >= 1, page)
  for (const sort of ['x', '-', '--name', 'toString', '-constructor']) assert.equal(readFilter('?sort=' + sort).sort, '', sort)
  assert.equal(writeFilter(noFilter), '')
})

test('the worst comes first, and what has been silent for days is folded away', () => {
  const fleet = [
    row('well', 'online', 'healthy'), row('old', 'offline', 'lease_expired', { since: ago(4 * 86_400), problem: 'silent' }),
    row('gone', 'offline', 'lease_expired'), row('locked', 'degraded', 'credentials_rejected'),
  ]
  assert.deepEqual(order(fleet).map(w => w.id), ['locked', 'gone', 'old', 'well'])
  const page = shown(fleet, noFilter)
  assert.deepEqual([page.rows.map(w => w.id), page.folded, page.total], [['locked', 'gone', 'well'], 1, 3])
  assert.deepEqual(page.statuses, [['degraded', 1], ['offline', 2], ['online', 1]])
  assert.deepEqual(shown(fleet, { ...noFilter, silent: true }).rows.map(w => w.id), ['locked', 'gone', 'well', 'old'])
  assert.deepEqual(shown(fleet, { ...noFilter, search: 'OLD' }).rows.map(w => w.id), ['old'])
  assert.deepEqual(shown([fleet[1]], noFilter).rows.map(w => w.id), ['old'], 'a fleet that is silent altogether is shown')
})

// The fleets, and what rollcall problems says of them, are made by its test TestTheConsoleCountsWhatProblemsNames.
test('the headline counts what rollcall problems names, and a row has the same commands and the same place', () => {
  const all = JSON.parse(readFileSync(new URL('problems.json', here), 'utf8'))
  assert.ok(all.length > 10)
  for (const { fleet, need, asked, together, order: ids } of all) {
    const rows = fleet ?? [], n = inNeed(rows)
    assert.deepEqual(order(rows).map(w => w.id), ids ?? [])
    assert.equal(n ? `${n} of ${rows.length} workspaces need${n === 1 ? 's' : ''} a hand` : '', need)
    assert.equal(n, rows.filter(needsHand).length)
    const repaired = rows.filter(repairedTogether).length
    assert.equal(repaired > 1 ? repaired : 0, together)
    for (const w of rows) {
      const commands = [commandOf(w), ...(w.remarks ?? []).map(r => r.command)]
      for (const command of asked[w.id] ?? []) assert.ok(commands.includes(command), `${w.id}: ${command}, and its row has ${commands}`)
      assert.ok(needsHand(w) || w.problem === 'silent' || !asked[w.id], w.id + ' is named, and needs no hand')
    }
  }
})

test('what has been silent for days is folded away, unless there is more to say of it', () => {
  const old = { since: ago(4 * 86_400), problem: 'silent' }, lost = { remarks: [{ code: 'mail_lost', text: 'gone' }] }
  const fleet = [row('well', 'online', 'healthy'), row('old', 'offline', 'lease_expired', old), row('lost', 'offline', 'lease_expired', { ...old, ...lost })]
  const page = shown(fleet, noFilter)
  assert.deepEqual([page.rows.map(w => w.id), page.folded, inNeed(fleet)], [['lost', 'well'], 1, 1])
})

test('the causes are those of the workspaces that need a hand, worst first, and each workspace has one', () => {
  const fleet = [row('a', 'degraded', 'error_rate'), row('b', 'degraded', 'push_failing'), row('c', 'degraded', 'push_failing'),
    row('d', 'offline', 'lease_expired'), row('e', 'online', 'healthy'), row('f', 'unknown', 'platform_suspect')]
  assert.deepEqual(causes(fleet), [['push_failing', 2], ['error_rate', 1], ['lease_expired', 1]])
  assert.deepEqual(causes([]), [])
})

// A fleet of each status with each reason, remark and mail; what it is made of is drawn from a seed.
test('the causes add up to the headline, and each shows as many rows as it counts', () => {
  const { Status, Reason, Remark, OperatorsProblem } = components.schemas, codes = Remark.properties.code.enum
  for (let seed = 1; seed <= 300; seed++) {
    let drawn = seed * 2_654_435_761 % 2 ** 32
    const draw = n => { drawn = (drawn * 1_664_525 + 1_013_904_223) % 2 ** 32; return Math.floor(drawn / 2 ** 32 * n) }
    const some = of => of[draw(of.length)]
    const fleet = [...Array(draw(60)).keys()].map(i => row('w' + i, some(Status.enum), some(Reason.enum), {
      problem: some([undefined, ...OperatorsProblem.enum]), since: ago(draw(6) * 86_400), inbox: { queued: draw(2), in_flight: draw(2), oldest_age_seconds: 1 },
      remarks: codes.filter(() => draw(6) === 0).map(code => ({ code, text: code })),
    }))
    const chips = causes(fleet), sum = chips.reduce((n, [, of]) => n + of, 0)
    assert.equal(sum, fleet.filter(w => needsHand(w)).length, 'seed ' + seed)
    assert.equal(inNeed(fleet), sum)
    for (const [why, n] of chips) {
      const page = shown(fleet, { ...noFilter, cause: why })
      assert.deepEqual([page.total, page.folded], [n, 0], `seed ${seed}: ${why}`)
      assert.ok(page.rows.every(w => cause(w) === why))
    }
  }
})

test('a fleet with teams is filtered by team', () => {
  const fleet = [row('a', 'online', 'healthy', { team: 'red' }), row('b', 'online', 'healthy', { team: 'blue' }), row('c', 'online', 'healthy')]
  assert.deepEqual(shown(fleet, noFilter).teams, [['blue', 1], ['red', 1]])
  assert.deepEqual(shown(fleet, { ...noFilter, team: 'red' }).rows.map(w => w.id), ['a'])
  assert.deepEqual(shown([fleet[2]], noFilter).teams, [])
})

test('each workspace that passes the filter is on exactly one page', () => {
  const fleet = [...Array(2 * pageSize + 7).keys()].map(i => row('w' + i, 'online', 'healthy', { delivery: { effective_mode: i % 2 ? 'poll' : 'push' } }))
  for (const filter of [noFilter, { ...noFilter, mode: 'poll' }, { ...noFilter, search: 'w1' }, { ...noFilter, search: 'nobody' }]) {
    const { pages, total } = shown(fleet, filter)
    const ids = [...Array(pages).keys()].flatMap(i => shown(fleet, { ...filter, page: i + 1 }).rows.map(w => w.id))
    assert.equal(new Set(ids).size, total)
    assert.equal(ids.length, total)
    assert.equal(shown(fleet, { ...filter, page: 99 }).page, pages)
  }
})

test('each column sorts both ways, equal rows stay worst first, and a third press ends it', () => {
  const inbox = (queued, in_flight) => ({ queued, in_flight, oldest_age_seconds: 0 })
  const fleet = [
    row('b', 'online', 'healthy', { inbox: inbox(2, 1), messages: { dead: 0 }, since: ago(10), last_heard_at: ago(5) }),
    row('A', 'degraded', 'push_failing', { inbox: inbox(0, 0), messages: { dead: 4 }, since: ago(90), last_heard_at: ago(9), delivery: { effective_mode: 'poll' } }),
    row('c', 'offline', 'lease_expired', { inbox: inbox(1, 0), messages: { dead: 0 }, since: ago(50) }),
  ]
  const by = sort => arranged(fleet, sort).map(w => w.id).join('')
  const wanted = { name: 'Abc', since: 'bcA', waiting: 'bcA', heard: 'bAc', status: 'Acb' }
  for (const [column, ids] of Object.entries(wanted)) {
    assert.equal(by(column), ids, column)
    assert.equal(by('-' + column), [...ids].reverse().join(''), '-' + column)
  }
  assert.equal(by(''), order(fleet).map(w => w.id).join(''))
  assert.equal(by('mode'), 'Acb', 'those that are pushed to stay worst first')
  assert.equal(by('dead'), 'Acb')
  assert.equal(by('-dead'), 'cbA')
  assert.deepEqual(['', 'since', '-since'].map(sort => nextSort(sort, 'since')), ['since', '-since', ''])
  assert.equal(nextSort('-since', 'name'), 'name')
  assert.deepEqual([sorted('since').way, sorted('-since').way, sorted('name').way], [-1, 1, 1])
  assert.deepEqual(shown(fleet, { ...noFilter, sort: 'name' }).rows.map(w => w.id), ['A', 'b', 'c'])
})
