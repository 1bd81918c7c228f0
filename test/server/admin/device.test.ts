import { expect, it } from 'vitest'

const module = new URL('../../../server/admin/page/device.js', import.meta.url)
const { deviceName } = (await import(module.href)) as { deviceName(userAgent: string): string }

const webkit = 'AppleWebKit/537.36 (KHTML, like Gecko)'

it.each([
  [
    'Chrome 126, Windows',
    `Mozilla/5.0 (Windows NT 10.0; Win64; x64) ${webkit} Chrome/126.0.0.0 Safari/537.36`,
  ],
  [
    'Edge 126, Windows',
    `Mozilla/5.0 (Windows NT 10.0) ${webkit} Chrome/126.0 Safari/537.36 Edg/126.0.0.0`,
  ],
  [
    'Chrome 126, Android',
    `Mozilla/5.0 (Linux; Android 14; Pixel 8) ${webkit} Chrome/126.0 Mobile Safari/537.36`,
  ],
  ['Firefox 140, Linux', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'],
  [
    'Safari 17, iPhone',
    `Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) ${webkit} Version/17.5 Mobile/15E148 Safari/604.1`,
  ],
  [
    'Safari 17, Mac',
    `Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) ${webkit} Version/17.5 Safari/605.1.15`,
  ],
  [
    'Apple player, Apple TV',
    'AppleCoreMedia/1.0.0.21L227 (Apple TV; U; CPU OS 17_5 like Mac OS X; en_us)',
  ],
  [
    'Chrome 79, LG TV',
    `Mozilla/5.0 (Web0S; Linux/SmartTV) ${webkit} Chrome/79.0.3945.79 Safari/537.36`,
  ],
  ['VLC 3', 'VLC/3.0.20 LibVLC/3.0.20'],
  ['FFmpeg 61', 'Lavf/61.7.100'],
  ['curl 8', 'curl/8.5.0'],
  ['Viewer', 'Viewer/1.0'],
  ['<b>bold<', '<b>bold</b>'],
  ['unknown device', ''],
  ['x'.repeat(32), 'x'.repeat(256)],
])('calls it %s', (name, userAgent) => {
  expect(deviceName(userAgent)).toBe(name)
})
