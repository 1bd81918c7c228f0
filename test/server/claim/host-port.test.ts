import { expect, it } from 'vitest'
import { joinHost, splitHost } from '../../../server/claim/host-port.ts'

it.each([
  ['a.example', 'a.example', null],
  ['a.example.', 'a.example', null],
  ['a.example.:8080', 'a.example', 8080],
  ['*.a.example:0443', '*.a.example', 443],
  ['[::1]', '[::1]', null],
  ['[2001:db8:0:0::1]:80', '[2001:db8::1]', 80],
  ['[::ffff:192.0.2.1]', '[192.0.2.1]', null],
  ['[::g]:1', '[::g]', 1],
  ['', '', null],
])('%s is %s at port %s', (text, name, port) => {
  expect(splitHost(text)).toEqual({ name, port })
  expect(splitHost(joinHost({ name, port }))).toEqual({ name, port })
})
