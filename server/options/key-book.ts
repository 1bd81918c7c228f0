import { judgeKey, judgePassPhrase, Keyring } from '../token/keyring.ts'
import { parsePassPhrase } from '../token/seal.ts'
import type { Complaints } from './complaints.ts'
import { readSecret, type SecretSources } from './read-secret.ts'
import type { ShapedConfiguration } from './schema.ts'

interface KeyTexts {
  /** `null`: could not be read, which was complained about. */
  readonly primary: string | null
  readonly transition: string | null | undefined
}

/** Bytes for EdgeAuth, sessions and timed tokens; a pass phrase for ectokens, which hash it (token-formats section 2.1). */
const uses = {
  hex: { judge: judgeKey, read: (text: string) => text },
  phrase: { judge: judgePassPhrase, read: (text: string) => parsePassPhrase(text) },
} as const

type Use = keyof typeof uses

/**
 * The secrets of a configuration. What a text is worth as a key shows only with its use: the same text may be hexadecimal
 * bytes to one format and a pass phrase to another.
 */
export class KeyBook {
  readonly #texts: ReadonlyMap<string, KeyTexts>
  readonly #rings = new Map<string, Keyring | undefined>()
  readonly #complaints: Complaints

  constructor(keys: ShapedConfiguration['keys'], sources: SecretSources, complaints: Complaints) {
    this.#complaints = complaints
    const read = (path: string, text: string): string | null =>
      complaints.attempt(path, () => readSecret(text, sources)) ?? null
    this.#texts = new Map(
      Object.entries(keys).map(([name, { primary, transition }]) => [
        name,
        {
          primary: read(`keys.${name}.primary`, primary),
          transition:
            transition === undefined ? undefined : read(`keys.${name}.transition`, transition),
        },
      ]),
    )
  }

  get names(): readonly string[] {
    return [...this.#texts.keys()]
  }

  /** The ring of that name; `undefined`, after a complaint at `path`, when there is none to be had. */
  ring(path: string, name: string, use: Use): Keyring | undefined {
    const texts = this.#texts.get(name)
    if (texts === undefined) {
      const known = this.names.join(', ') || 'none'
      this.#complaints.add(path, `no key of that name in keys (there: ${known})`)
      return undefined
    }
    const key = `${use} ${name}`
    if (!this.#rings.has(key)) this.#rings.set(key, this.#ringOf(name, texts, use))
    return this.#rings.get(key)
  }

  /** The first that can be a key in this use; one that could not be read may be. `null`: none can. */
  firstFor(use: Use): string | null {
    const { judge } = uses[use]
    const isFit = ({ primary }: KeyTexts) => primary === null || judge(primary).length === 0
    return [...this.#texts].find(([, texts]) => isFit(texts))?.[0] ?? null
  }

  /** Complains about keys that no rule uses, where they are good for nothing at all. */
  judgeUnused(): void {
    for (const [name, texts] of this.#texts) {
      if (this.#rings.has(`hex ${name}`) || this.#rings.has(`phrase ${name}`)) continue
      if (texts.primary !== null && judgePassPhrase(texts.primary).length === 0) continue
      this.#ringOf(name, texts, 'hex')
    }
  }

  #ringOf(name: string, { primary, transition }: KeyTexts, use: Use): Keyring | undefined {
    const first = this.#key(`keys.${name}.primary`, primary, use)
    const second =
      transition === undefined ? undefined : this.#key(`keys.${name}.transition`, transition, use)
    if (first === undefined || (transition !== undefined && second === undefined)) return undefined
    return new Keyring(first, second)
  }

  #key(path: string, text: string | null, use: Use) {
    if (text === null) return undefined
    const { judge, read } = uses[use]
    const complaints = judge(text)
    for (const complaint of complaints) {
      this.#complaints.add(path, `${complaint} (a good one: playgate key new)`)
    }
    return complaints.length === 0 ? read(text) : undefined
  }
}
