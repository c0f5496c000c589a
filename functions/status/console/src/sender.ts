import type { Receipt } from './api'
import { named } from './names'
import type { Called } from './names'
import { visible } from './visible'

/** platform is the source of what the platform itself says. */
const platform = '_rollcall'

/** sendingWorkspace is the workspace that sent a message, as the fleet calls it; undefined: none did. */
export const sendingWorkspace = (r: Receipt, fleet: Called[]): Called | undefined =>
  r.source_id && r.source_id !== platform ? fleet.find(w => w.id === r.source_id) ?? { id: r.source_id } : undefined

/** senderName says of what kind a sender is, and who: a workspace by its id first. */
export function senderName(r: Receipt, fleet: Called[]) {
  const w = sendingWorkspace(r, fleet)
  if (w) return 'workspace ' + named(w)
  if (r.source_id || r.probe) return 'Rollcall'
  if (!r.sent_by) return 'users'
  return r.sent_by.includes(' rcp_') ? 'person ' + visible(r.sent_by) : 'root'
}
