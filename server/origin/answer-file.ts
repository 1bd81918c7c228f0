import { addAbortSignal } from 'node:stream'
import fresh from 'fresh'
import parseRange from 'range-parser'
import { singleRange } from './byte-range.ts'
import { contentTypeOf } from './content-type.ts'
import type { OriginJson, OriginObject, OriginRequest } from './contract.ts'
import { chunkBytes, type Extent, FileBody, readExtent } from './file-body.ts'
import type { OpenFile } from './open-file.ts'
import { isJsonType } from './read-json.ts'

interface FileFacts {
  /** Decoded; its extension tells the content type. */
  readonly path: string
  readonly maxJsonBytes: number
  /** Milliseconds since 1970. */
  readonly now: number
}

/**
 * The answer for an open file: conditions first, then the range (RFC 9110 section 13.2.2). Takes the handle
 * over: it is closed when this returns, or with the body.
 *
 * @throws the file system's error, or that the file became shorter
 */
export async function answerFile(
  file: OpenFile,
  request: OriginRequest,
  facts: FileFacts,
): Promise<OriginObject | OriginJson> {
  const plan = planAnswer(file, request, facts)
  if (plan.extent !== null && plan.extent.length > chunkBytes && plan.kind === 'object') {
    const body = new FileBody(file.handle, plan.extent)
    // The client may leave before anybody listens to the body.
    body.on('error', () => {})
    addAbortSignal(request.signal, body)
    return { kind: 'object', status: plan.status, headers: plan.headers, body }
  }
  try {
    const bytes = plan.extent === null ? null : await readExtent(file.handle, plan.extent)
    const { headers } = plan
    if (plan.kind === 'object') return { kind: 'object', status: plan.status, headers, body: bytes }
    return {
      kind: 'json',
      contentType: plan.contentType,
      headers,
      bytes: bytes ?? new Uint8Array(),
    }
  } finally {
    await file.handle.close()
  }
}

type Plan =
  | (Pick<OriginObject, 'kind' | 'status' | 'headers'> & { readonly extent: Extent | null })
  | (Pick<OriginJson, 'kind' | 'contentType' | 'headers'> & { readonly extent: Extent })

function planAnswer(file: OpenFile, request: OriginRequest, facts: FileFacts): Plan {
  const { size } = file
  const contentType = contentTypeOf(facts.path)
  const validators = validatorsOf(file, facts.now)
  const whole = { start: 0, length: size }
  if (isUnchanged(request, validators)) {
    return { kind: 'object', status: 304, headers: validators, extent: null }
  }
  if (isJsonType(contentType) && size <= facts.maxJsonBytes) {
    return { kind: 'json', contentType, headers: validators, extent: whole }
  }
  const headers = { ...validators, 'content-type': contentType, 'accept-ranges': 'bytes' }
  const range = chooseRange(file, request, validators, facts.now)
  if (range === 'unsatisfiable') {
    const told = { ...validators, 'accept-ranges': 'bytes', 'content-range': `bytes */${size}` }
    return { kind: 'object', status: 416, headers: told, extent: null }
  }
  const extent = range ?? whole
  const { start, length } = extent
  const lengthHeaders = { ...headers, 'content-length': String(length) }
  const sent = request.method === 'HEAD' ? null : extent
  if (range === null) return { kind: 'object', status: 200, headers: lengthHeaders, extent: sent }
  const contentRange = `bytes ${start}-${start + length - 1}/${size}`
  const partial = { ...lengthHeaders, 'content-range': contentRange }
  return { kind: 'object', status: 206, headers: partial, extent: sent }
}

interface Validators {
  readonly etag: string
  readonly 'last-modified'?: string
}

/** A time in the future is no time of a change (RFC 9110 section 8.8.2.1). */
function validatorsOf({ etag, modifiedMs }: OpenFile, now: number): Validators {
  if (modifiedMs > now) return { etag }
  return { etag, 'last-modified': new Date(modifiedMs).toUTCString() }
}

function isUnchanged({ headers }: OriginRequest, validators: Validators): boolean {
  const asked = {
    'if-none-match': headers.ifNoneMatch,
    'if-modified-since': headers.ifModifiedSince,
  }
  return fresh(asked, { ...validators })
}

/** null: the whole file. */
function chooseRange(
  file: OpenFile,
  { method, headers }: OriginRequest,
  validators: Validators,
  now: number,
): Extent | 'unsatisfiable' | null {
  const range = method === 'GET' ? singleRange(headers.range) : undefined
  if (range === undefined || !rangeApplies(file, headers.ifRange, validators, now)) return null
  const suffix = /=-(\d+)$/.exec(range)?.[1]
  // A suffix longer than the file means all of it (RFC 9110 section 14.1.2).
  const isAll = suffix !== undefined && file.size > 0 && Number(suffix) >= file.size
  const parsed = parseRange(file.size, isAll ? 'bytes=0-' : range)
  const [first] = typeof parsed === 'number' ? [] : parsed
  if (first === undefined) return 'unsatisfiable'
  return { start: first.start, length: first.end - first.start + 1 }
}

/**
 * RFC 9110 section 13.1.5: equal strong tags, or the exact date, which is strong only when the file was not
 * written in the second it is asked for (section 8.8.2.2).
 */
function rangeApplies(
  file: OpenFile,
  ifRange: string | undefined,
  validators: Validators,
  now: number,
): boolean {
  if (ifRange === undefined || ifRange === validators.etag) return true
  return ifRange === validators['last-modified'] && now - file.modifiedMs >= 1000
}
