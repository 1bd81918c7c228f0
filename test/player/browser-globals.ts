/**
 * What hls.js wants of a browser before it is imported, as far as its loaders need it. Import this first.
 */
const globals = {
  self: globalThis,
  location: { href: 'http://page.test/watch' },
  navigator: { onLine: true, userAgent: 'node' },
}

for (const [name, value] of Object.entries(globals)) {
  if (!(name in globalThis)) Object.defineProperty(globalThis, name, { value, configurable: true })
}
