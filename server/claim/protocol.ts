import { type AllowDeny, passesLists } from './allow-deny.ts'
import { type ClaimAnswer, granted } from './answer.ts'

/** `http` or `https` in lower case, or null. */
export function parseProtocol(text: string): string | null {
  const lower = text.toLowerCase()
  return lower === 'http' || lower === 'https' ? lower : null
}

/**
 * Did the request come over a protocol that may? One that is not known is refused by either list.
 *
 * @param lists entries as `parseProtocol` gives them
 * @param facts.proto from the socket or a trusted proxy (threat T23)
 */
export function checkProtocol(
  lists: AllowDeny,
  { proto }: { readonly proto?: string | undefined },
): ClaimAnswer<'protocol_not_allowed'> {
  const actual = typeof proto === 'string' ? parseProtocol(proto) : null
  if (actual !== null && passesLists(lists, (entry) => entry === actual)) return granted
  const detail = actual === null ? 'the protocol is not known' : 'another protocol'
  return { ok: false, reason: 'protocol_not_allowed', detail }
}
