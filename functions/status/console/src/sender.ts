import type { Receipt, Workspace } from './api'
import { visible } from './visible'

/** platform is the source of what the platform itself says. */
export const platform = '_rollcall'

/** senderName says of what kind a sender is, and who: a card chose the name of a workspace. */
export function senderName(r: Receipt, fleet: Workspace[]) {
  if (r.source_id === platform || (!r.source_id && r.probe)) return 'Rollcall'
  if (r.source_id) return 'workspace ' + visible(fleet.find(w => w.id === r.source_id)?.name || r.source_id)
  if (!r.sent_by) return 'users'
  return r.sent_by.includes(' rcp_') ? 'person ' + visible(r.sent_by) : 'root'
}
