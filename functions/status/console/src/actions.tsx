// What an operator can do to a workspace.
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { call, of } from './api'
import type { Created, Probing, Receipt, Redriven, Repaired, Revoked, Rotated, Workspace } from './api'
import { Confirm } from './confirm'
import type { Done } from './confirm'
import type { Live } from './live'
import { Quoted } from './named'
import { ownName } from './names'
import { outsideQuotes } from './quoted'
import { refusal, sentence } from './refusals'
import { repairOf, told } from './repair'
import type { RepairChoice } from './repair'

const redrivePage = 100 // messages that one redrive puts back at most

export type Act = 'repair' | 'rotate' | 'redrive' | 'probe' | 'pause' | 'resume' | 'adopt' | 'dismiss' | 'revoke' | 'remove' | 'cancel' | 'redriveOne'

/** Choice is what a person asks for beside the act itself. */
interface Choice extends RepairChoice { reset: boolean; purge: boolean; message: string }

/** Force is in the body of an act that was refused for the sake of its agent, and is done all the same. */
interface Force { force?: true }

interface Doing {
  button: string
  title: (id: string) => string // by its id: its name is its agent's word, and may be another's
  does: ComponentChildren
  danger?: boolean
  named?: boolean // it can't be taken back: who confirms it writes the workspace's id
  next?: Record<string, string> // what comes next in this dialog when it is refused, by the code of the error
  command: (w: Workspace, c: Choice) => string
  run: (live: Live, w: Workspace, c: Choice, force: Force) => Promise<Done>
}

const count = (n: number) => n === 1 ? '1 message' : n + ' messages'

const doings: Record<Act, Doing> = {
  repair: {
    button: 'Repair', title: id => `Repair ${id}`, danger: true,
    does: 'Ends every credential that it has. Its agent is cut off until it has a new one.',
    next: { invalid_request: 'Write the address as a number, such as 192.0.2.7, or leave it empty.' },
    command: (w, c) => repairOf(w, c).command,
    run: async (live, w, c, force) => {
      const done = await live.act<Repaired>(w.id, of(w.id, 'repair'), { ...repairOf(w, c).body, ...force })
      const until = done.bootstrap_until
        ? `Its agent is given a new credential if it registers before ${done.bootstrap_until}${done.from ? `, from ${done.from} only` : ''}. ` : ''
      return { words: until + sentence(outsideQuotes(done.next, own => own.replace(' before the window ends', ''))), secret: done.auth_token }
    },
  },
  rotate: {
    button: 'Rotate', title: id => `Rotate the credential of ${id}`,
    does: 'Issues a second credential, which is shown here once. The one in use stays good until the new one is used for the first time.',
    command: w => `rollcall rotate ${w.id}`,
    run: async (live, w, _, force) => {
      const done = await live.act<Rotated>(w.id, of(w.id, 'rotate'), force)
      return { words: sentence(done.next), secret: done.auth_token }
    },
  },
  redrive: {
    button: 'Redrive', title: id => `Redrive the lost messages of ${id}`,
    does: 'Puts back lost messages, up to 100 at a time and the oldest first, each with its id and its place, ' +
      'for new attempts. First see in the mail what ended them, and mend that: else it ends them again. Then put ' +
      'one back, and the others when it is taken.',
    command: w => `rollcall redrive ${w.id}`,
    run: async (live, w) => {
      const { messages } = await live.act<Redriven>(w.id, of(w.id, 'redrive'))
      return { words: messages.length ? count(messages.length) + ' put back.' + (messages.length < redrivePage ? '' : ' There may be more: redrive again.') : 'There was none to put back.' }
    },
  },
  probe: {
    button: 'Probe', title: id => `Probe ${id}`,
    does: 'Sends an empty test message the way of every message, to see whether mail arrives. A probe that does not arrive counts against the workspace.',
    command: w => `rollcall probe ${w.id}`,
    run: async (live, w) => {
      const done = await live.act<Probing>(w.id, of(w.id, 'probe'))
      return { words: `It is on its way by ${done.delivery_mode}. What becomes of it stands in the mail, as message ${done.message_id}.` }
    },
  },
  pause: {
    button: 'Pause', title: id => `Pause ${id}`,
    does: 'Nothing is handed to its agent until it is resumed. Messages are accepted all the same, and wait.',
    command: w => `rollcall pause ${w.id}`,
    run: async (live, w) => { await live.act(w.id, of(w.id, 'pause')); return { words: 'It is paused.' } },
  },
  resume: {
    button: 'Resume', title: id => `Resume ${id}`, does: 'Ends the pause: what waits is delivered.',
    command: w => `rollcall resume ${w.id}`,
    run: async (live, w) => { await live.act(w.id, of(w.id, 'resume')); return { words: 'It is resumed.' } },
  },
  adopt: {
    button: 'Adopt', title: id => `Adopt ${id}`, danger: true,
    does: 'Resets what Rollcall knows of it: how it gets its mail, what its status rests on, its runtime and its tier. A pause ends. Its mail, its name and its team are kept.',
    command: (w, c) => `rollcall adopt ${w.id}` + (c.reset ? ' --reset-credentials' : ''),
    run: async (live, w, c, force) => {
      const body = { id: w.id, adopt: true, ...(c.reset ? { reset_credentials: true } : {}), ...force }
      const done = await live.act<Created>(w.id, 'workspaces', body)
      return { words: 'It is adopted.', secret: done.auth_token }
    },
  },
  dismiss: {
    button: 'Dismiss', title: id => `Dismiss the refused calls of ${id}`,
    does: 'Forgets the calls that were refused, for who knows that they are not its agent’s, such as those of a neighbour at the same address. Their address is its agent’s no more, unless its last accepted call came from there too. No credential changes, and calls that are refused from now on are noted again.',
    command: w => `rollcall dismiss ${w.id}`,
    run: async (live, w) => { await live.act(w.id, of(w.id, 'dismiss')); return { words: 'The refused calls are dismissed.' } },
  },
  revoke: {
    button: 'Revoke', title: id => `Revoke the credentials of ${id}`, danger: true,
    does: 'Ends every credential that it has, and gives out no new one: its agent is cut off until you repair it. For a credential that somebody else may have.',
    command: w => `rollcall revoke ${w.id}`,
    run: async (live, w, _, force) => {
      const done = await live.act<Revoked>(w.id, of(w.id, 'revoke'), force)
      return { words: `${done.revoked === 1 ? '1 credential has' : done.revoked + ' credentials have'} ended. ${sentence(done.next)}` }
    },
  },
  remove: {
    button: 'Remove', title: id => `Remove ${id}`, danger: true, named: true,
    does: 'Ends its credentials and cancels the messages that wait. It gets no messages any more. This can’t be taken back.',
    command: (w, c) => `rollcall remove ${w.id}${c.purge ? ' --purge' : ''} --yes`,
    run: async (live, w, c) => {
      await live.act(w.id, of(w.id) + (c.purge ? '?purge=true' : ''), undefined, 'DELETE')
      return { words: 'It is removed.' }
    },
  },
  cancel: {
    button: 'Cancel the message', title: id => `Cancel this message to ${id}`, danger: true,
    does: 'Ends the message undelivered. Its sender reads that an operator cancelled it.',
    command: (w, c) => `rollcall cancel ${w.id} ${c.message}`,
    run: async (live, w, c) => { await live.act(w.id, of(w.id, 'messages', c.message, 'cancel')); return { words: 'The message is cancelled.' } },
  },
  redriveOne: {
    button: 'Redrive the message', title: id => `Redrive this message to ${id}`,
    does: 'Puts the message back, with its id and its place, for new attempts. First mend what ended it: else it ' +
      'ends again.',
    command: (w, c) => `rollcall redrive ${w.id} ${c.message}`,
    run: async (live, w, c) => { await live.act<Receipt>(w.id, of(w.id, 'messages', c.message, 'redrive')); return { words: 'The message is put back.' } },
  },
}

/** actsOf are the acts that a workspace's page offers. */
export const actsOf = (w: Workspace): Act[] =>
  ['repair', 'rotate', 'redrive', 'probe', w.status === 'paused' ? 'resume' : 'pause', 'dismiss', 'adopt', 'revoke', 'remove']

/** asks is the act that does what a command of the command-line program does, if a workspace's page offers it. */
export function asks(w: Workspace, command: string | undefined): Act | undefined {
  const [program, verb, id] = (command ?? '').split(' ')
  return program === 'rollcall' && id === w.id ? actsOf(w).find(act => act === verb) : undefined
}

export const label = (act: Act) => doings[act].button + '…'

/** grave reports whether an act cuts an agent off, or can't be taken back. */
export const grave = (act: Act) => act === 'revoke' || act === 'remove'

/** ActDialog says what an act will do, asks, does it, and says what came of it. */
export function ActDialog({ act, w, message = '', live, onClose }: {
  act: Act; w: Workspace; message?: string; live: Live; onClose: () => void
}) {
  const doing = doings[act], asked = told(w)
  const [called] = useState(() => ownName(w)) // as when the dialog opened: what is asked does not change while it is read
  const [choice, set] = useState<Choice>({ show: !!asked?.show, from: '', reset: false, purge: false, message })
  const choose = (to: Partial<Choice>) => set({ ...choice, ...to })
  return (
    <Confirm title={doing.title(w.id)} about={w.id} does={doing.does} button={doing.button} danger={doing.danger} named={doing.named ? w.id : undefined}
      command={doing.command(w, choice)} next={doing.next} run={force => doing.run(live, w, choice, force ? { force } : {})} onClose={onClose}>
      {called && <p class="muted">Its name: <Quoted>{called}</Quoted></p>}
      {act === 'redrive' && <Which w={w} />}
      {act === 'repair' && <HowRepaired choice={choice} asked={asked?.from} choose={choose} />}
      {act === 'adopt' && <label class="check"><input type="checkbox" checked={choice.reset} onChange={e => choose({ reset: e.currentTarget.checked })} />
        <span>End its credentials too, and show a new one</span></label>}
      {act === 'remove' && <label class="check"><input type="checkbox" checked={choice.purge} onChange={e => choose({ purge: e.currentTarget.checked })} />
        <span>Also erase its messages, its history and its profile; the audit trail stays</span></label>}
    </Confirm>
  )
}

function HowRepaired({ choice, asked, choose }: { choice: Choice; asked?: string; choose: (to: Partial<Choice>) => void }) {
  return (
    <fieldset>
      <legend>How does it get the new one?</legend>
      <label class="check"><input type="radio" name="how" checked={!choice.show} onChange={() => choose({ show: false })} />
        <span>Its agent fetches it: restart it within 15 minutes</span></label>
      {!choice.show && <label class="address"><span>only from the address</span>
        <input value={choice.from} placeholder={asked || 'of its last accepted call'} onInput={e => choose({ from: e.currentTarget.value.trim() })} /></label>}
      <label class="check"><input type="radio" name="how" checked={choice.show} onChange={() => choose({ show: true })} />
        <span>I place it by hand, in its environment or a file: show it here</span></label>
    </fieldset>
  )
}

/** Which says how many messages a redrive would put back. */
function Which({ w }: { w: Workspace }) {
  const [words, say] = useState('Looking which …')
  useEffect(() => {
    call<Redriven>('POST', of(w.id, 'redrive'), { dry_run: true }).then(
      would => say(would.messages.length ? `It would put back ${count(would.messages.length)}.` : 'There is none to put back.'),
      e => say('How many it would put back is not known. ' + refusal(e).what))
  }, [])
  return <p><b>{words}</b></p>
}
