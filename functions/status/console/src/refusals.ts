// What a dialog says of a call that was refused or failed, in words for who sees a page and no command line: pure.
import { Problem, Unreachable } from './api'
import { outsideQuotes } from './quoted'

export { Problem, Unreachable }

/** Refusal is why something was not done, and what comes next. */
export interface Refusal {
  what: string
  next: string
  /** insist is what a person confirms to have it done all the same; absent: nothing helps but what next says. */
  insist?: string
}

/** sentence is a text of the API as a sentence: without the names of members and flags, which a dialog has not. */
export function sentence(text: string): string {
  const said = outsideQuotes(text, own => own.replaceAll(/ \([a-z_]+, --[^)]*\)/g, '')).trim()
  return said && said.charAt(0).toUpperCase() + said.slice(1) + (/[.!?:…]$/.test(said) ? '' : '.')
}

/**
 * notSignedIn says why a credential was refused that somebody signs in with, and what is wrong with it as far as its
 * text shows that. What a command line is told to do is left out: the form says what helps.
 */
export function notSignedIn({ message, body }: Problem): string {
  const hint = body.hint ?? ''
  return sentence(message) + (hint && !hint.includes('rollcall login') ? ' ' + sentence(hint) : '')
}

const look = 'It may have been done or not: close this, look at the page, and try again if it was not.'

// What comes next on a page, where the API's hint is for a program or a command line.
const nextOf: Record<string, string> = {
  credential_in_use: 'Check that it is the workspace that you mean.',
  credential_pending: 'Try again when its agent has called, or end that one.',
  repair_address_unknown: 'Write the address that its agent calls from, or have the credential shown here and place it.',
  credential_missing: 'Sign in, and try again.',
  credential_unknown: 'Sign in again. An admin makes a new credential with rollcall token create --name NAME --scope operate.',
  credential_expired: 'Sign in again. An admin makes a new credential with rollcall token create --name NAME --scope operate.',
  scope_too_small: 'An admin makes one with rollcall token create --name NAME --scope operate. Sign out, and sign in with it.',
  workspace_unknown: 'Close this, and go back to the fleet.',
  workspace_removed: 'Close this, and go back to the fleet.',
}

const insistOf: Record<string, string> = {
  credential_in_use: 'I mean this workspace: cut its agent off',
  credential_pending: 'End the one that its agent was given, and issue another',
}

/** refusal is what to say of an error. own says what comes next on this page, by the error's code. */
export function refusal(e: unknown, own: Record<string, string> = {}): Refusal {
  if (e instanceof Problem) return refused(e, own)
  if (e instanceof Unreachable) return { what: sentence(`the platform gave no answer: ${e.message}`), next: look }
  return { what: sentence(e instanceof Error ? e.message : String(e)), next: look }
}

// With these the platform failed; and without a code, what stands before it did.
const failures = ['internal', 'platform_unavailable', '']

function refused({ status, message, body }: Problem, own: Record<string, string>): Refusal {
  const code = body.code ?? '', what = sentence(message), insist = insistOf[code]
  const next = own[code] ?? nextOf[code]
  if (next) return { what, next, ...(insist ? { insist } : {}) }
  if (status === 429) return { what, next: `Nothing was done: try again in ${body.retry_after ? body.retry_after + ' s' : 'some seconds'}.` }
  if (status >= 500 && failures.includes(code)) {
    return { what, next: look + (body.request_id ? ` Its cause is in the platform’s log, with the request id ${body.request_id}.` : '') }
  }
  return { what, next: sentence(body.hint || 'change what you ask, and try again') }
}
