import type { ClaimAnswer } from './answer.ts'
export interface Restrictions {
  needsCountry: boolean
}
export function readRestrictions(_raw: unknown): Restrictions {
  return { needsCountry: false }
}
export function judgeRestrictions(
  _r: Restrictions,
  _f: unknown,
): { check: string; answer: ClaimAnswer<string> }[] {
  return []
}
