/** What the reference implementation of zstd (1.5.4) makes: Node 20 cannot compress with it. */

const decode = (lines: readonly string[]): Buffer => Buffer.from(lines.join(''), 'base64')

/** The text inside `zstdStreamed` and `zstdWhole`. */
export function zstdText(): string {
  let text = '#EXTM3U\n#EXT-X-TARGETDURATION:6\n'
  for (let at = 0; at < 60; at += 1) {
    text += `#EXTINF:6.000,\nsegment-${at}-${((at * 2654435761) >>> 0).toString(36)}.ts\n`
  }
  return `${text}#EXT-X-ENDLIST\n`
}

/** Level 3 from a pipe: no content size, with a checksum. */
export const zstdStreamed = decode([
  'KLUv/QRYDREABuNmIxBNNwcgddxx1Y+4ukRJ6I7Thqw1iIdEREgSpjMSAACwIhQEZQBYAFgATyIv5I+vlG3NNyJzEMz4',
  'dbGzTukUaxjOKvwp7/Qo8/J5nXW2x64aPE38tk2EZDGHVGUlGuXzvQbe3y9JiRjlAgi89wYmwQFDwiRgaEhQFDhAGCgS',
  'CA4Fii+uWCQCACB6QbFIBATNRfgUTlJq8RNqS/a0SygrSEr8CBWOGssbiyqXTD40smZqNj7DaNmI+oMIs8XwjciQsPqK',
  'OUnXnXJjHS3+ZARW1LnkB2EQy4+MPZCBb4bZfa5DttKhHj5zVfLYNVSTRX4rVlefxofx1aynczQaqC78F5uKIvRGV49j',
  'uNfu7ARRfNrVsVTEZzPXwypfdsXS9tjckcD7bho1dfiwGYyyx7mnyCyQ/3pT5nPxjSldCXpVtgCKhwQFA4bEF48iGk67',
  'ITOr9sSvMr5sMqcxsdBB+dOBnoPh+FJid3OqR9k9TRH8lshhr3EoH+htj8/yyiq+/CdhTORz41DaHvz6RFTSp/FqS4N9',
  'RqZTgvgy2uUGPSAwQykF20uk4Ew2c7LNGDEHMSjDMQfDM4c5GePmbh7DTz5zIskYMQcxKMMxxxmeRBiuJHMyfJnTFmMy',
  'PHMYjjkY7jbvw3AMB3NOMEbMQQzKcAx3m29ucuaUlOEkMGfkDBcpw0NgDsgZ/pHhwhNCrgyPQm4Y8sPwGIb8MDwFBsYr',
  '+Dx46NzY',
])

/** Level 19 from a file: one segment, content size, no checksum. */
export const zstdWhole = decode([
  'KLUv/WCsBy0PAIbjaCMQTVYHCEMBYDCymEEQMAntjtOGbCXis90lqU1kJAAAIEUoCGUAWwBbALff9iKxOt4aU5B1vX6F',
  'jTnO6lPFSiqhz8wsmE36MlLRTeTjbZltrsOM1o6i/rPMBDQtd1iakMXsN1UNtLdXUPIsCQUg0FobkAQIDQqSoMFBQVHw',
  'EGGgOEh4KFBc4gARj0EhcRAQNEsuhjr600YxLuAlXihWWzzCKDkR6kMlwWZV/vJDMUT2XbWYiLn6feFkH/zmsqN7WvrV',
  'PhXK9BTnBsmyT/jyg1NfKoeTZvOY77Ectg9jvm5xf9dZ1K3uMhsbHAolIYcZgxkL9l8yZbQt+g43ar3oDSvjUKXfoMJI',
  '85ivWWrYgp3WzEYO7s9LG4snLrOlapn2o5Uaug4xZiCO+oPzebPpO2XJ2BrvHMFFcf326pXIW/XrlRAFOQ8ACgiFBYOG',
  'g0s8eyYYbPGaWBN9UZ9i2Cy5fELEOsbsy8a5xoL1Y87U1UiH9b0omui/exiWqnfZddrV+p1UltRUv0XsIBLvKzSSZ40+',
  'Ve6DkfeZqYXC5MvaU0JOP14bPqgRPEL3tbUGgHg5ESAIQULwrxByfoIHO9TUflBoolKs7rkUnxKIZCooigAcKhvd8Bjp',
  'mtxJdiykoLpXgSUH',
])

/** Twenty million line feeds behind `#EXTM3U`, level 3 from a pipe: nothing in the header gives it away. */
export const zstdBomb = decode([
  'KLUv/QRYhAAAQCNFWFRNM1UKAQD1/zngAgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAK',
  'AgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoC',
  'ABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIA',
  'EAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQ',
  'CkQAAAABAP3/zQsQAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoC',
  'ABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIA',
  'EAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQ',
  'CgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKRAAAAAEA/f/NCxAC',
  'ABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIA',
  'EAoCABAKAgAQCgIAEAoCABAKAgAQCkNoCQpW6hPX',
])

/** The same with the content size in the header. */
export const zstdStatedBomb = decode([
  'KLUv/YRoCC0xAYQAAEAjRVhUTTNVCgEA9f854AICABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAK',
  'AgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoC',
  'ABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIA',
  'EAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQ',
  'CgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAK',
  'AgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoC',
  'ABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIA',
  'EAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQ',
  'CgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAK',
  'AgAQCgIAEAoCABAKQ2gJClbqE9c=',
])

/** The same with a window of 128 MiB. */
export const zstdWindowBomb = decode([
  'KLUv/QSIhAAAQCNFWFRNM1UKAQD1/zngAgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAK',
  'AgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoC',
  'ABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIA',
  'EAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQ',
  'CgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAK',
  'AgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoC',
  'ABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIA',
  'EAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQ',
  'CgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAKAgAQCgIAEAoCABAK',
  'AgAQCgIAEApDaAkKVuoT1w==',
])

/** One frame without content size and with a window of 2 MiB, from its blocks. */
export function zstdFrame(
  blocks: readonly { readonly type: 0 | 1 | 2; readonly size: number; readonly body: Uint8Array }[],
): Buffer {
  const parts: Uint8Array[] = [Buffer.from('28b52ffd0058', 'hex')]
  blocks.forEach(({ type, size, body }, at) => {
    const header = (size << 3) | (type << 1) | Number(at === blocks.length - 1)
    parts.push(Buffer.from([header & 0xff, (header >> 8) & 0xff, header >> 16]), body)
  })
  return Buffer.concat(parts)
}

/** A compressed block whose sequences copy four gigabytes in all and leave 128 KiB. */
export function zstdEndlessBlock(): Buffer {
  const sequences = 30_000
  const body = Buffer.concat([
    Buffer.from([0x08, 0x61, 128 + (sequences >> 8), sequences & 0xff, 0x54, 35, 0, 52]),
    Buffer.alloc(4 * sequences, 0xff),
    Buffer.from([1]),
  ])
  return zstdFrame([{ type: 2, size: body.length, body }])
}
