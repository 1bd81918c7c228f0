import { createHmac } from 'node:crypto'

/** The peers: the same work as one writes it without a thought for speed. Correct for what is asked here. */

/**
 * An ACL token, verified with what the language brings along.
 *
 * @param {string} token
 * @param {{ keyHex: string, path: string, now: number, salt?: string }} request
 */
export function verifyNaively(token, { keyHex, path, now, salt = '' }) {
  const fields = new URLSearchParams(token.replaceAll('~', '&'))
  const signed = token.split('~').filter((field) => !field.startsWith('hmac='))
  if (salt !== '') signed.push(`salt=${salt}`)
  const mac = createHmac('sha256', Buffer.from(keyHex, 'hex')).update(signed.join('~'))
  if (mac.digest('hex') !== fields.get('hmac')) return false
  if (Number(fields.get('exp')) < now) return false
  return (fields.get('acl') ?? '').split('!').some((entry) => aclPattern(entry).test(path))
}

function aclPattern(entry) {
  const parts = entry.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`)
}

/**
 * A playlist with a parameter on every URI: split into lines, a regular expression for the attributes.
 *
 * @param {Uint8Array} playlist
 * @param {string} parameter
 * @param {string} token
 */
export function rewriteNaively(playlist, parameter, token) {
  const place = (uri) => `${uri}${uri.includes('?') ? '&' : '?'}${parameter}=${token}`
  const lines = Buffer.from(playlist)
    .toString()
    .split('\n')
    .map((line) => {
      if (line === '') return line
      if (!line.startsWith('#')) return place(line)
      return line.replace(/URI="([^"]*)"/, (_, uri) => `URI="${place(uri)}"`)
    })
  return Buffer.from(lines.join('\n'))
}
