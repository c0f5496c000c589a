// What the console makes of a text of the API: times as they are said, and commands to copy. What is quoted has neither.
import { parts } from './quoted'
import type { Own } from './quoted'
import { ago, span } from './time'

/** Piece is a part of a text: words, a time as it is said, or a command to copy. */
export type Piece = string | { at: string; words: string } | { command: string }

const stamps = /(?:\b(at|by|since|until|before) )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)/gi

/** relative is a time as a text says it after a preposition, or after none. */
function relative(before: string, at: string, now: number): string {
  const seconds = (Date.parse(at) - now) / 1000, ahead = seconds > 0
  switch (before.toLowerCase()) {
    case 'since': return ahead ? 'since ' + ago(at, now) : 'for ' + span(-seconds)
    case 'until': return ahead ? `until ${span(seconds)} from now` : 'until ' + ago(at, now)
    case 'by': return ahead ? 'within ' + span(seconds) : ago(at, now)
    case 'before': return ahead ? 'within ' + span(seconds) : `in its time, which ended ${ago(at, now)}`
    default: return ago(at, now)
  }
}

/** times are words of the platform with their times said relative to now. */
function times(own: Own, now: number): Array<Own | { at: string; words: string }> {
  const out: Array<Own | { at: string; words: string }> = []
  let end = 0
  for (const found of own.matchAll(stamps)) {
    const [whole, before = '', at = ''] = found
    if (Number.isNaN(Date.parse(at))) continue
    const words = relative(before, at, now)
    out.push(own.slice(end, found.index) as Own, { at, words: /^[A-Z]/.test(whole) ? words.charAt(0).toUpperCase() + words.slice(1) : words })
    end = found.index + whole.length
  }
  return [...out, own.slice(end) as Own]
}

// What may follow on the id in a command: any flag, with its value where it has one, and the message of a cancel, or of
// receipts where it is a UUID. What is to be filled in, such as MESSAGE, makes it no command to copy.
const flags = '(?: --(?:from|message) [\\w:.-]*\\w| --[a-z]+(?:-[a-z]+)*)*(?! [A-Z]{2,})'

/** commands are words of the platform: every second piece is a command for the workspace id, whole. */
function commands(own: Own, id: string): string[] {
  if (!/^[\w.-]+$/.test(id)) return [own]
  const named = id.replaceAll('.', '\\.')
  const cancel = `cancel ${named}(?: (?![A-Z]{2})\\w(?:[\\w:.-]*\\w)?|(?= --))`
  const receipt = `receipts ${named} [0-9a-f]{8}(?:-[0-9a-f]{4,12}){4}(?![\\w-])`
  const other = `(?!cancel )[a-z]+ ${named}(?![\\w-])`
  return own.split(new RegExp(`(rollcall (?:${cancel}|${receipt}|${other})${flags})`))
}

/**
 * said are the pieces of a text of the API, with its commands for the workspace id. The command that stands beside the
 * text, to be copied, is not written twice: the text says "this command".
 */
export function said(text: string, now: number, id = '', beside = ''): Piece[] {
  const out: Piece[] = []
  const say = (words: string) => {
    const last = out.at(-1)
    if (typeof last === 'string') out[out.length - 1] = last + words
    else if (words) out.push(words)
  }
  const named = () => {
    const last = out.at(-1) ?? ''
    return typeof last === 'string' && /(^|[.!?] )$/.test(last) ? 'This command' : 'this command'
  }
  for (const part of parts(text)) {
    if (part.quoted !== undefined) {
      say(part.quoted)
      continue
    }
    for (const piece of times(part.own, now)) {
      if (typeof piece !== 'string') out.push(piece)
      else for (const [k, words] of commands(piece, id).entries()) {
        if (k % 2 && words !== beside) out.push({ command: words })
        else say(k % 2 ? named() : words)
      }
    }
  }
  return out
}
