import { generate } from 'lean-qr/nano'

/** Light modules around the code, so that cameras find it (ISO/IEC 18004 section 6.3.8). */
const margin = 4

/** A QR code of the text as a drawing: dark modules only. */
export function drawQr(text: string, label: string): SVGSVGElement {
  const code = generate(text)
  const side = code.size + 2 * margin
  let path = ''
  for (let y = 0; y < code.size; y += 1) {
    for (let x = 0; x < code.size; x += 1) {
      if (code.get(x, y)) path += `M${x + margin} ${y + margin}h1v1h-1z`
    }
  }
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('viewBox', `0 0 ${side} ${side}`)
  svg.setAttribute('role', 'img')
  svg.setAttribute('aria-label', label)
  svg.setAttribute('shape-rendering', 'crispEdges')
  const drawing = document.createElementNS('http://www.w3.org/2000/svg', 'path')
  drawing.setAttribute('d', path)
  svg.append(drawing)
  return svg
}
