// The API, as a person's browser calls it. The types are made of openapi.json.
import type { Problem as ProblemBody, Remark } from './schema.gen'

export type {
  Attempt, Change, Created, CreatedWebhook, EnabledWebhook, Evidence, Events, Expectation, Explanation, Fleet, Former,
  Health, History, HistoryEntry, Me, Mode, Probing, Reason,
  Receipt, Receipts, Redriven, Repaired, Revoked, Rotated, Status,
  TestedWebhook, Webhook, Webhooks, Workspace,
} from './schema.gen'

/** Warning is the code of a remark. */
export type Warning = Remark['code']

/** Problem is an error that the API answers. */
export class Problem extends Error {
  constructor(readonly status: number, readonly body: Partial<ProblemBody>) {
    super(body.error ?? 'the platform answers ' + status)
  }
}

/** Unreachable says that no answer of the platform came. */
export class Unreachable extends Error {}

// The person's credential is in this tab only, and in no address.
const place = 'credential'
export const credential = {
  get: () => sessionStorage.getItem(place) ?? '',
  set: (secret: string) => sessionStorage.setItem(place, secret),
  forget: () => sessionStorage.removeItem(place),
}

let ahead = 0 // how many milliseconds the platform's clock is ahead of this browser's

/** platformNow is the platform's time: times in its answers are compared with no other. */
export const platformNow = () => Date.now() + ahead

function learnClock(date: string | null) {
  const off = date ? Date.parse(date) - Date.now() : NaN
  if (Number.isFinite(off)) ahead = Math.abs(off) < 5_000 ? 0 : off // the header has whole seconds
}

// A browser sends no other characters in a header, and a credential has no other ones.
const printable = /^[ -~]*$/
const unprintable = {
  error: 'nobody has this credential', code: 'credential_unknown',
  hint: 'send the credential alone, as it was shown: it has a character that is no printable ASCII',
} as const

const patience = 30_000

/** call makes a call. Errors: Problem, Unreachable. */
export async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = {}
  if (!printable.test(credential.get())) throw new Problem(401, unprintable)
  if (credential.get()) headers['authorization'] = 'Bearer ' + credential.get()
  if (method !== 'GET') headers['content-type'] = 'application/json'
  const ends = AbortSignal.timeout(patience)
  const request: RequestInit = { method, headers, signal: signal ? AbortSignal.any([signal, ends]) : ends }
  if (method !== 'GET') request.body = JSON.stringify(body ?? {})
  let answer: Response, content: unknown
  try {
    answer = await fetch(path, request)
    content = await answer.json()
  } catch (e) {
    throw new Unreachable(ends.aborted ? 'no answer within 30 s' : e instanceof SyntaxError ? 'what answers is not the platform' : 'no connection')
  }
  learnClock(answer.headers.get('date'))
  if (!answer.ok) throw new Problem(answer.status, content as Partial<ProblemBody>)
  return content as T
}

export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, undefined, signal)

/** canBe reports whether a text can be the id of a workspace. */
export const canBe = (id: string) => /^[A-Za-z0-9][\w.-]{0,63}$/.test(id)

/** of is the path of a workspace, or of something of it. */
export const of = (id: string, ...rest: string[]) => ['workspaces', id, ...rest].map(encodeURIComponent).join('/')
