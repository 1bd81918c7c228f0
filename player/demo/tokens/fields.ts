import type { Format } from './site.ts'

/** What can be said in a token, or of a request, as fields to be filled in. */
export interface Field {
  /** As the server calls it. */
  readonly name: string
  readonly label: string
  readonly hint: string
  /** At the start. @default '' */
  readonly value?: string
  readonly placeholder?: string
  /** Stands behind the field. */
  readonly unit?: string
  /** The field is a choice between these: value and what it is called. */
  readonly choices?: readonly (readonly [value: string, label: string])[]
  /** A list of an ectoken: may be one of those allowed, or one of those denied. */
  readonly isAllowDeny?: boolean
}

export interface FormatForm {
  readonly name: string
  /** What it is good for, in a sentence. */
  readonly about: string
  readonly fields: readonly Field[]
}

const everything = '/tools/sample/*'

const life = (value: string, hint: string): Field => ({
  name: 'ttlSeconds',
  label: 'Good for',
  hint,
  value,
  unit: 'seconds',
})

const client = (hint: string): Field => ({
  name: 'ip',
  label: 'Client',
  hint,
  placeholder: 'anybody',
})

const page: Field = {
  name: 'referrer',
  label: 'Referring domain',
  hint: 'Whose pages may use it, subdomains included.',
  placeholder: 'any page, or none',
}

const prefix = 'An address, a block, or whole bytes with a dot behind: 211.37.'

export const formats: Readonly<Record<Format, FormatForm>> = {
  edgeauth: {
    name: 'EdgeAuth 2.0',
    about: 'Plain text with a signature: everybody can read it, nobody can change it.',
    fields: [
      {
        name: 'path',
        label: 'Opens',
        hint: '* stands for anything; several patterns with ! between them.',
        value: everything,
      },
      life('300', 'A minute is plenty for a page that plays at once.'),
      {
        name: 'subject',
        label: 'Subject',
        hint: 'Who it is for. Goes over into the session.',
        placeholder: 'viewer-17',
      },
      client('The one address that may use it.'),
      {
        name: 'payload',
        label: 'Payload',
        hint: 'A note of the site’s, carried along.',
        placeholder: 'plan=gold',
      },
    ],
  },
  ectoken: {
    name: 'ectoken v3',
    about: 'Sealed: says nothing to whoever has not the key. Restricts the most.',
    fields: [
      {
        name: 'path',
        label: 'Opens',
        hint: 'Patterns whose only * stands at their end.',
        value: everything,
      },
      life('300', 'Seconds from now until it ends.'),
      client('An address or a block: 203.0.113.0/24.'),
      {
        name: 'ec_country',
        label: 'Countries',
        hint: 'Codes of two letters, with commas between them.',
        placeholder: 'DE, AT',
        isAllowDeny: true,
      },
      {
        name: 'ec_ref',
        label: 'Referrers',
        hint: 'Hosts, *.domains, or “missing” for no page at all.',
        placeholder: '*.example.com',
        isAllowDeny: true,
      },
      {
        name: 'ec_host',
        label: 'Hosts',
        hint: 'Of the video’s own URL.',
        placeholder: 'video.example.com',
        isAllowDeny: true,
      },
      {
        name: 'ec_proto_allow',
        label: 'Protocols',
        hint: 'How it may be asked for.',
        choices: [
          ['', 'http and https'],
          ['https', 'https only'],
          ['http', 'http only'],
        ],
      },
    ],
  },
  timed: {
    name: 'Timed',
    about: 'Opaque, with an end, and sealed by the server: nothing has to be kept.',
    fields: [life('3600', '60 to 604800.'), client(prefix), page],
  },
  managed: {
    name: 'Managed',
    about: 'Opaque and without an end: the server keeps it until it is revoked.',
    fields: [
      {
        name: 'subject',
        label: 'Name',
        hint: 'All tokens of a name can be found, and revoked at once.',
        placeholder: 'viewer-17',
      },
      client(prefix),
      page,
    ],
  },
}

/** Of the request that a token is judged with. */
export const requestFields: readonly Field[] = [
  {
    name: 'path',
    label: 'Path',
    hint: 'Of what is asked for; of a bare token, the sample stream.',
    placeholder: 'the link’s own',
  },
  {
    name: 'address',
    label: 'From the address',
    hint: 'IPv4 or IPv6.',
    placeholder: 'this browser’s',
  },
  {
    name: 'referrer',
    label: 'On the page',
    hint: 'The Referer, a whole URL.',
    placeholder: 'none',
  },
  {
    name: 'country',
    label: 'From the country',
    hint: 'Two letters, in place of a country database.',
    placeholder: 'unknown',
  },
  { name: 'host', label: 'Of the host', hint: '', placeholder: 'the link’s own, or this server’s' },
  {
    name: 'scheme',
    label: 'Over',
    hint: '',
    choices: [
      ['', 'the link’s own, or http'],
      ['http', 'http'],
      ['https', 'https'],
    ],
  },
]
