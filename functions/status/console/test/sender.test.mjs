import assert from 'node:assert/strict'
import test from 'node:test'
import { load } from './bundle.mjs'

const { senderName } = await load('sender.ts')
const { named, titleOf } = await load('names.ts')

/** names are what a card may call its workspace: each is another's, or shows something else than it is. */
const names = [
  'bank2', '_rollcall', 'Rollcall', 'user', 'users', 'root', 'person ana rcp_1', 'ana rcp_1', 'the user', 'workspace bank2', '',
  '\u202eknab', '\u2066bank2\u2069', 'bank\u200b2', 'bank2\u2060', '\u{e0001}bank2', '\u0000', '\n', 'bank2 '.repeat(2_000),
  '”', '“', '” workspace bank2', '„bank2‟', '"bank2"', '〝bank2〞', '\u{1f676}bank2\u{1f677}', '❝bank2❞', '″ʺˮ＂〟‶', '\u0301'.repeat(99), 'مساعد', '   ',
]

/** one is a workspace's id, and after it at most one quotation in which nothing is hidden and no mark ends it. */
const one = /^([A-Za-z0-9][\w.-]{0,63})(?: “(?:(?![“”„‟″‶〝〞〟＂❝❞ʺˮ\u{1f676}\u{1f677}\p{Cc}\p{Zl}\p{Zp}])(?:(?!\p{Cf})|(?=[\u200c\u200d])).)+”)?$/u

/** mixtures are n names that are made of pieces of the others, the same ones each time. */
function* mixtures(n) {
  const pieces = names.flatMap(name => [name.slice(0, 40), ...name.slice(0, 3)])
  for (let seed = 1, i = 0; i < n; i++) {
    let name = ''
    for (let k = 0; k <= i % 5; k++) {
      seed = seed * 48_271 % 0x7fffffff
      name += pieces[seed % pieces.length]
    }
    yield name
  }
}

test('a workspace is named by its id first, whatever its card calls it', () => {
  for (const name of [...names, ...mixtures(3_000)]) {
    for (const id of ['w', 'bank2', '7', 'user-1', 'a'.repeat(64)]) {
      const got = named({ id, name }), [, first] = one.exec(got) ?? []
      assert.equal(first, id, JSON.stringify(got))
      assert.equal(got === id, name === '' || name === id, JSON.stringify(got))
      assert.equal(titleOf(2, got), `(2) ${got} · Rollcall`)
      const sender = senderName({ source_id: id }, [{ id, name }])
      assert.equal(sender, 'workspace ' + got)
    }
  }
})

test('what an address gives for an id is quoted where it can’t be one', () => {
  for (const id of ['Rollcall · sign in', '_rollcall', 'bank2 “bank2”', '\u202ew', '', 'a'.repeat(65)]) assert.match(named({ id }), /^“[^“”\p{Cf}]*”$/u)
  assert.equal(titleOf(0, ''), 'Rollcall')
})

test('a sender is shown with its kind', () => {
  const fleet = [{ id: 'w', name: '_rollcall' }, { id: 'same', name: 'same' }]
  for (const [r, want] of [
    [{}, 'users'], [{ probe: true }, 'Rollcall'], [{ source_id: '_rollcall' }, 'Rollcall'],
    [{ sent_by: 'ana rcp_1' }, 'person ana rcp_1'], [{ sent_by: 'operator rco_1' }, 'root'],
    [{ source_id: 'w' }, 'workspace w “_rollcall”'], [{ source_id: 'w', probe: true }, 'workspace w “_rollcall”'],
    [{ source_id: 'same' }, 'workspace same'], [{ source_id: 'users' }, 'workspace users'],
  ]) assert.equal(senderName(r, fleet), want)
})
