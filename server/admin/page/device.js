/** What plays, by the first pattern that fits; the number is the major version. */
const programs = /** @type {const} */ ([
  [/\bEdg(?:A|iOS)?\/(\d+)/, 'Edge'],
  [/\bOPR\/(\d+)/, 'Opera'],
  [/\bSamsungBrowser\/(\d+)/, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\/(\d+)/, 'Firefox'],
  [/\b(?:HeadlessChrome|Chrome|CriOS)\/(\d+)/, 'Chrome'],
  [/\bVersion\/(\d+)[.\d]* (?:Mobile\/\w+ )?Safari\//, 'Safari'],
  [/\bAppleCoreMedia\//, 'Apple player'],
  [/\bVLC\/(\d+)/, 'VLC'],
  [/\b(?:ExoPlayer(?:Lib)?|AndroidXMedia3)\/(\d+)/, 'ExoPlayer'],
  [/\bmpv (?:v)?(\d+)/, 'mpv'],
  [/\bLavf\/(\d+)/, 'FFmpeg'],
  [/\bRoku\b/, 'Roku'],
  [/\bcurl\/(\d+)/, 'curl'],
])

/** On what it plays. */
const systems = /** @type {const} */ ([
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bApple ?TV\b|\btvOS\b/, 'Apple TV'],
  [/\bTizen\b/, 'Samsung TV'],
  [/\bWeb0S\b|\bwebOS\b/, 'LG TV'],
  [/\bCrKey\b/, 'Chromecast'],
  [/\bAFT[A-Z]/, 'Fire TV'],
  [/\bAndroid\b/, 'Android'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMacintosh\b|\bMac OS X\b/, 'Mac'],
  [/\bWindows\b/, 'Windows'],
  [/\bLinux\b/, 'Linux'],
])

/**
 * A short name for what sends this User-Agent, to tell rows apart at a glance. It proves nothing: anybody can send anything.
 *
 * @param {string} userAgent
 */
export function deviceName(userAgent) {
  const names = [programName(userAgent), systems.find(([form]) => form.test(userAgent))?.[1]]
  const known = names.filter((name) => name !== undefined)
  if (known.length > 0) return known.join(', ')
  // Whatever else is there begins with a product and its version (RFC 9110 section 10.1.5).
  const product = userAgent.split(/[/\s(;]/, 1)[0]?.slice(0, 32)
  return product || 'unknown device'
}

/** @param {string} userAgent */
function programName(userAgent) {
  for (const [form, name] of programs) {
    const found = form.exec(userAgent)
    if (found !== null) return found[1] === undefined ? name : `${name} ${found[1]}`
  }
  return undefined
}
