import { useState } from 'preact/hooks'
import type { Live } from './live'

/** SignIn asks for a person's credential. */
export function SignIn({ live, why, onDone }: { live: Live; why: string; onDone?: () => void }) {
  const [secret, set] = useState('')
  return (
    <form class="sign-in" onSubmit={e => {
      e.preventDefault()
      if (!secret.trim()) return
      live.signIn(secret.trim())
      onDone?.()
    }}>
      <label for="credential">Your credential</label>
      <div class="field">
        <input id="credential" type="password" autocomplete="off" value={secret} onInput={e => set(e.currentTarget.value)}
          aria-describedby="sign-in-why sign-in-help" autofocus />
        <button class="main">Sign in</button>
      </div>
      <p id="sign-in-why" role="alert" class="refused">{why}</p>
      <p id="sign-in-help" class="muted">It stays in this tab, and is forgotten when the tab is closed. An admin makes one with <code>rollcall token create --name NAME --scope operate</code>. On your own machine, <code>make run</code> says in which file it is.</p>
    </form>
  )
}
