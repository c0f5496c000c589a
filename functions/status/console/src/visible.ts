// What agents and senders wrote is shown with its control and direction characters as escapes, as shared/visible does
// for a terminal. The selector of pictures stays behind a character that takes it.
const hidden = new RegExp(
  '(?![\\u200c\\u200d])(?!(?<=[0-9#*‼⁉〰〽ℹ]|(?=[^\\0-\\x7f])\\p{S})\\ufe0f)' +
  '(?!(?<!\\p{Zs})\\p{Zs}|[ ])[\\p{Zs}\\p{Cc}\\p{Cf}\\p{Zl}\\p{Zp}\\p{Default_Ignorable_Code_Point}\\u2800\\u{13441}\\u{13442}\\u{16fe4}\\u{1d159}]', 'gu')
const short: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const escaped = (c: string) =>
  short[c] ?? [...Array(c.length).keys()].map(i => '\\u' + c.charCodeAt(i).toString(16).padStart(4, '0')).join('')

// More marks than this on one character, as no script has them, would be drawn over what stands above and below.
const mostMarks = 4
const mark = /(?!\p{Default_Ignorable_Code_Point})[\p{Mn}\p{Me}]/gu
const piled = /^(?:(?!\p{Default_Ignorable_Code_Point})[\p{Mn}\p{Me}][\u200c\u200d\ufe0f]*)+|(?:(?!\p{Default_Ignorable_Code_Point})[\p{Mn}\p{Me}][\u200c\u200d\ufe0f]*){5,}/gu

const unpiled = (pile: string, at: number) => {
  let n = at ? 0 : mostMarks // what begins a text has no character to stand on
  return pile.replace(mark, c => ++n > mostMarks ? escaped(c) : c)
}

/** visible is a text in one line. */
export const visible = (text: string | undefined) => (text ?? '').replace(hidden, escaped).replace(piled, unpiled)

/** visibleLines is a text of several lines. */
export const visibleLines = (text: string) => text.trimEnd().split(/\r?\n/).map(visible)

/** inLine is a text in one line, in which any white space is one blank. */
export const inLine = (text: string | undefined) => visible((text ?? '').replace(/\s+/g, ' ').trim())
