/** `5:07`; whole seconds, never below zero. */
export function formatLeft(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds))
  const minutes = Math.floor(whole / 60)
  return `${minutes}:${String(whole % 60).padStart(2, '0')}`
}

/** The time of day, to the second, as this browser's user writes it. */
export function formatClock(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toLocaleTimeString([], { timeStyle: 'medium' })
}

/** The same text with every moment of these years, in seconds or in ISO 8601, turned into a time of day. */
export function readableMoments(text: string): string {
  return text
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, (iso) => formatClock(Date.parse(iso) / 1000))
    .replace(/\b[12]\d{9}\b/g, (digits) => formatClock(Number(digits)))
}

/** `12 ms`, `1.4 s`. */
export function formatDuration(ms: number): string {
  return ms < 995 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`
}

/** Day and time of day, to the second, as this browser's user writes it. */
export function formatMoment(epochSeconds: number): string {
  return new Date(epochSeconds * 1000).toLocaleString([], {
    dateStyle: 'medium',
    timeStyle: 'medium',
  })
}
