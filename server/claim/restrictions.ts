import { AddressSet } from './address-set.ts'
import type { AllowDeny } from './allow-deny.ts'
import { type ClaimAnswer, granted } from './answer.ts'
import { checkClientAddresses } from './client-addresses.ts'
import { checkCountry } from './country.ts'
import { checkHost } from './host.ts'
import { checkProtocol } from './protocol.ts'
import { checkReferrer } from './referrer.ts'
import { type RestrictName, type RestrictOptions, readRestrictOptions } from './restrict-options.ts'

export type RestrictionReason =
  | 'country_not_allowed'
  | 'referrer_not_allowed'
  | 'host_not_allowed'
  | 'protocol_not_allowed'
  | 'address_not_allowed'

/** Who asks, and how. What is not known meets no demand made of it. */
export interface RestrictionFacts {
  /** From our own look-up or a trusted proxy, never from the client (threat T23). Null: not known. */
  readonly country?: string | null | undefined
  /** The `Referer` header. */
  readonly referrer?: string | null | undefined
  /** The host asked for, with or without port. */
  readonly host?: string | undefined
  /** `http` or `https`, from the socket or a trusted proxy. */
  readonly proto?: string | undefined
  readonly clientIp?: string | undefined
}

type Answer = ClaimAnswer<RestrictionReason>
type Ask = (facts: RestrictionFacts) => Answer

/** One demand of the rule, and how it was met. */
export interface RestrictionAnswer {
  readonly check: RestrictName
  readonly answer: Answer
}

/** What a rule demands of requests besides a token, made ready for asking. */
export interface Restrictions {
  /** Is a country asked for? Then it has to come from somewhere. */
  readonly needsCountry: boolean
  /** The demands made, in the order in which they are listed. */
  readonly questions: readonly { readonly check: RestrictName; readonly ask: Ask }[]
}

/**
 * Both lists count: refused when `deny` covers it, and when there is an `allow` that does not. In a token an allow
 * list decides alone, as its format has it (spec/token-formats section 2.3); of a configuration one expects that
 * what it denies stays denied.
 */
function passBoth({ allow, deny }: AllowDeny, check: (lists: AllowDeny) => Answer): Answer {
  const denied = deny === undefined ? granted : check({ deny })
  return !denied.ok || allow === undefined ? denied : check({ allow })
}

function addressSet(entries: readonly string[] | undefined): AddressSet | undefined {
  return entries === undefined ? undefined : new AddressSet(entries)
}

/**
 * Reads what a rule demands, once for all requests. A list that is left out or empty demands nothing.
 *
 * @throws {OptionError} (a `TypeError`) that names each mistake by its inner path: `countries.allow[1]: not a
 *   country code`
 */
export function readRestrictions(raw: RestrictOptions): Restrictions {
  const { lists, allowUnknownCountry } = readRestrictOptions(raw)
  const { countries = {}, referrers = {}, hosts = {}, protocols = {}, addresses = {} } = lists
  const denyUnknownCountry = !allowUnknownCountry
  const clients = { allow: addressSet(addresses.allow), deny: addressSet(addresses.deny) }
  const asks: Readonly<Record<RestrictName, Ask>> = {
    countries: ({ country }) =>
      passBoth(countries, (one) => checkCountry(one, { country, denyUnknownCountry })),
    referrers: ({ referrer }) => passBoth(referrers, (one) => checkReferrer(one, { referrer })),
    hosts: ({ host }) => passBoth(hosts, (one) => checkHost(one, { host })),
    protocols: ({ proto }) => passBoth(protocols, (one) => checkProtocol(one, { proto })),
    addresses: ({ clientIp }) => checkClientAddresses(clients, { clientIp }),
  }
  const demanded = Object.entries(asks) as [RestrictName, Ask][]
  return {
    needsCountry: lists.countries !== undefined,
    questions: demanded.flatMap(([check, ask]) =>
      lists[check] === undefined ? [] : [{ check, ask }],
    ),
  }
}

/**
 * Asks every question, so that all that is wrong can be told; the request is refused when one answer is. Throws
 * for nothing that a client can say.
 */
export function judgeRestrictions(
  { questions }: Restrictions,
  facts: RestrictionFacts,
): RestrictionAnswer[] {
  return questions.map(({ check, ask }) => ({ check, answer: ask(facts) }))
}
