// Which repair a person asks for.
import type { Workspace } from './api'

/** RepairChoice is how the agent comes to its new credential: it is shown here, or a register from an address is given it. */
export interface RepairChoice { show: boolean; from: string }

/** told is the repair that the command of a workspace’s verdict asks for; undefined if that is none. */
export function told(w: Workspace): RepairChoice | undefined {
  const [program, verb, id, flag, value] = (w.command ?? '').split(' ')
  if (program !== 'rollcall' || verb !== 'repair' || id !== w.id) return undefined
  return { show: flag === '--show', from: flag === '--from' ? value ?? '' : '' }
}

/**
 * repairOf is what is asked of the platform, and the command that asks for it. Where the person writes no address, it is
 * that of the verdict, which moves no window that is open for another one.
 */
export function repairOf(w: Workspace, c: RepairChoice) {
  const from = c.from || (told(w)?.from ?? ''), command = `rollcall repair ${w.id}`
  if (c.show) return { command: command + ' --show', body: { show: true } }
  if (!from) return { command, body: {} }
  return { command: `${command} --from ${from}`, body: c.from ? { from } : { from, told: true } }
}
