import { describe, expect, it } from 'vitest'
import { edgeauth } from '../../../server/token/index.ts'

const mac = 'b'.repeat(64)
const token = `exp=1~acl=/*~hmac=${mac}`
const encoded = `exp%3D1~acl%3D%2F%2A~hmac%3D${mac}`

describe('edgeauth.locate', () => {
  it('finds hdnts and hdntl unless told other names', () => {
    expect(edgeauth.locate({ url: `/a?hdnts=${token}` })).toEqual({
      name: 'hdnts',
      location: 'query',
      token,
      rest: '/a',
    })
    expect(edgeauth.locate({ url: `/a?hdnea=${token}` })).toEqual({ token: null })
    expect(edgeauth.locate({ url: `/a?hdnts=${token}`, names: ['t'] })).toEqual({ token: null })
  })

  it('offers the decoded text only of a token that was encoded as a whole', () => {
    expect(edgeauth.locate({ url: `/a?hdnts=${encoded}` })).toMatchObject({
      token: encoded,
      decodedOnce: token,
    })
    const escapes = `exp=1~acl=%2f*~hmac=${mac}`
    expect(edgeauth.locate({ url: `/a?hdnts=${escapes}` })).not.toHaveProperty('decodedOnce')
    expect(edgeauth.locate({ url: '/a?hdnts=%41' })).not.toHaveProperty('decodedOnce')
  })

  it('reads header names in any case', () => {
    expect(edgeauth.locate({ url: '/a', header: { HDNTL: token } })).toMatchObject({
      name: 'hdntl',
      location: 'header',
    })
  })

  it('lists several, and refuses contradictions', () => {
    const url = `/a?hdnts=${token}`
    expect(edgeauth.locate({ url, cookie: `hdntl=${token}` })).toEqual({
      all: [
        { name: 'hdnts', location: 'query', token },
        { name: 'hdntl', location: 'cookie', token },
      ],
      rest: '/a',
    })
    expect(edgeauth.locate({ url: `${url}&hdnts=x` })).toEqual({ error: 'ambiguous' })
  })
})
