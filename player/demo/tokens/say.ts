import { decodeOnce } from '../../../shared/query.ts'
import { h } from '../dom.ts'
import { formatMoment } from '../time.ts'
import { formats } from './fields.ts'
import type { Format, Said } from './site.ts'

/** A field of a token, and what it means. */
export interface SaidField {
  readonly name: string
  readonly value: string
  readonly meaning: string
}

const meanings: Readonly<Record<string, string>> = {
  st: 'Not good before this moment.',
  exp: 'When it ends.',
  acl: 'What it opens.',
  ip: 'The only address that may use it.',
  id: 'Whom it is for, or the session that it belongs to.',
  data: 'A note that is carried along; “hdntl” marks session tokens.',
  ec_expire: 'When it ends.',
  ec_url_allow: 'What it opens: everything that begins so.',
  ec_country_allow: 'The countries that may use it.',
  ec_country_deny: 'The countries that may not.',
  ec_ref_allow: 'The pages that may use it.',
  ec_ref_deny: 'The pages that may not.',
  ec_host_allow: 'The hosts that it may be asked of.',
  ec_host_deny: 'The hosts that it may not be asked of.',
  ec_clientip: 'The client that may use it.',
  ec_proto_allow: 'How it may be asked for.',
  ec_proto_deny: 'How it may not be asked for.',
  plaintext: 'What was sealed; it is not what an ectoken can say.',
  createdAt: 'When it was made.',
  endTime: 'When it ends.',
  clientIp: 'The client that may use it.',
  referrer: 'Whose pages may use it.',
  realm: 'The rules that share their tokens.',
  name: 'Whose it is.',
  createdAtMs: 'When it was made.',
  endsAtMs: 'When it ends.',
  usedAtMs: 'When it was last used, to a minute.',
}

/** Some formats have names for the tokens themselves. */
const ids: Readonly<Partial<Record<Format, string>>> = {
  timed: 'Random, so that no two tokens are alike.',
  managed: 'By which it is revoked: a digest of its text.',
}

const secondsFields = new Set(['st', 'exp', 'ec_expire', 'createdAt', 'endTime'])

/** `null` where the format has a field for it and the token says nothing; the store's own notes have no meaning to anybody. */
export function fieldsOf({ format, fields }: Said): SaidField[] {
  return Object.entries(fields ?? {}).flatMap(([name, value]) => {
    if (value === null || value === undefined || name === 'kind') return []
    const meaning = (name === 'id' && ids[format]) || meanings[name] || 'Unknown to this page.'
    return [{ name, value: readable(name, value), meaning }]
  })
}

function readable(name: string, value: unknown): string {
  if (secondsFields.has(name)) return formatMoment(Number(value))
  if (name.endsWith('Ms')) return formatMoment(Number(value) / 1000)
  if (Array.isArray(value)) {
    return value.map((entry) => (entry === '' ? 'missing' : entry)).join(', ')
  }
  const text = decodeOnce(String(value))
  return name === 'acl' ? text.split('!').join('  or  ') : text
}

/** `EdgeAuth 2.0 access token`. */
export function titleOf({ format, kind }: Said): string {
  return `${formats[format].name} ${kind} token`
}

/** What a token says, field by field. */
export function writeFields(said: Said): HTMLElement {
  const fields = fieldsOf(said)
  if (fields.length === 0) {
    return h('p', { class: 'says-nothing' }, 'Nothing that anybody here can read.')
  }
  return h(
    'dl',
    { class: 'fields says' },
    ...fields.map(({ name, value, meaning }) =>
      h(
        'div',
        { class: 'field', 'data-field': name },
        h('dt', {}, name),
        h('dd', { class: 'value' }, value),
        h('dd', { class: 'meaning' }, meaning),
      ),
    ),
  )
}
