// A dialog that says what an act will do, asks, does it, and says what came of it.
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Command, Copy, Dialog, Said } from './parts'
import { refusal } from './refusals'
import type { Refusal } from './refusals'
import { visible } from './visible'

/** Done is what came of an act: words, and a secret that is shown once. */
export interface Done { words: string; secret?: string | undefined }

export interface Asked {
  title: string
  /** about is the id of the workspace that it is about. */
  about?: string
  does: ComponentChildren
  button: string
  danger?: boolean | undefined
  /** named is the id that who confirms it writes, where it can't be taken back. */
  named?: string | undefined
  /** ready reports that what the act needs is chosen. */
  ready?: boolean
  /** secret is what a secret that is shown once is called. */
  secret?: string
  /** command does the same on the command line. */
  command: string
  /** next is what comes next when it is refused, by the code of the error: where this dialog has what mends it. */
  next?: Record<string, string> | undefined
  /** run does it; force: though it was refused for the sake of the agent. Errors are shown. */
  run: (force: boolean) => Promise<Done>
  onClose: () => void
  children?: ComponentChildren
}

export function Confirm(asked: Asked) {
  const { title, does, button, danger, named, ready = true, command, run, onClose, children } = asked
  const [done, finish] = useState<Done | undefined>(undefined), [why, fail] = useState<Refusal | undefined>(undefined)
  const [busy, wait] = useState(false), [force, insist] = useState(false), [written, write] = useState('')
  // What was refused is not what is asked now.
  useEffect(() => { fail(undefined); insist(false) }, [command])
  if (done) return <Ended title={title} about={asked.about} done={done} secret={asked.secret ?? 'credential'} onClose={onClose} />
  const act = async () => {
    wait(true)
    try {
      finish(await run(force))
    } catch (e) {
      fail(refusal(e, asked.next))
    }
    wait(false)
  }
  const blocked = busy || !ready || (!!why?.insist && !force) || (!!named && written !== named)
  return (
    <Dialog title={visible(title)} onClose={onClose} held={busy}>
      <p>{does}</p>
      {children}
      {named && <label class="field named"><span>To confirm, write its id: <code>{visible(named)}</code></span>
        <input value={written} autocomplete="off" spellcheck={false} onInput={e => write(e.currentTarget.value.trim())} /></label>}
      <div class="muted same"><span>The same on the command line:</span> <Command>{command + (force ? ' --force' : '')}</Command></div>
      {why && <div role="alert" class="refusal"><p><b><Said>{why.what}</Said></b></p><p><Said id={asked.about}>{why.next}</Said></p></div>}
      {why?.insist && <label class="check"><input type="checkbox" checked={force} onChange={e => insist(e.currentTarget.checked)} />
        <span>{why.insist}</span></label>}
      <p class="buttons">
        <button type="button" disabled={busy} onClick={onClose}>Leave it</button>
        <button type="button" class={danger ? 'danger' : 'main'} disabled={blocked} onClick={act}>{busy ? 'A moment …' : button}</button>
      </p>
    </Dialog>
  )
}

// A secret that is shown once is not closed by a key or a click beside it.
const Ended = ({ title, about, done, secret, onClose }: { title: string; about: string | undefined; done: Done; secret: string; onClose: () => void }) => (
  <Dialog title={visible(title)} onClose={onClose} wide={!!done.secret} held={!!done.secret}>
    <p role="status" class="did"><Said id={about}>{done.words}</Said></p>
    {done.secret && <div class="secret"><p><b>The new {secret}.</b> It is shown now, and never again.</p>
      <p class="command"><code>{done.secret}</code><Copy text={done.secret} what={'the ' + secret} /></p></div>}
    <p class="buttons"><button type="button" class="main" onClick={onClose}>Close</button></p>
  </Dialog>
)
