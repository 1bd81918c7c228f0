import { parseAddress } from './address.ts'

/** A host as requests are made to it, in one spelling. */
export interface HostPort {
  /** A name without the dot of the root, or an address; IPv6 in brackets. */
  readonly name: string
  /** Null: none is named. */
  readonly port: number | null
}

/** Takes apart what a `Host` header says (RFC 9110 section 7.2), or a pattern for it; both in lower case. */
export function splitHost(text: string): HostPort {
  const [, name = '', port] = /^(.*?)\.?(?::(\d+))?$/.exec(text) ?? []
  const address = name.startsWith('[') ? parseAddress(name.slice(1, -1)) : null
  return {
    name: address === null ? name : `[${address.toString()}]`,
    port: port === undefined ? null : Number(port),
  }
}

/** The same in one text. */
export function joinHost({ name, port }: HostPort): string {
  return port === null ? name : `${name}:${port}`
}
