type Child = Node | string | null

type Attributes = Readonly<Record<string, string | boolean | null>>

/** An element with attributes (`false` and `null` leave one out) and children. */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) element.setAttribute(key, value === true ? '' : value)
  }
  element.append(...children.filter((child) => child !== null))
  return element
}

/** A drawing from the page's own set; words beside it say the same. */
export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  svg.setAttribute('class', 'icon')
  svg.setAttribute('aria-hidden', 'true')
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  use.setAttribute('href', `#i-${name}`)
  svg.append(use)
  return svg
}

/**
 * An element of the page's own markup.
 *
 * @throws {Error} when the markup does not have it
 */
export function find<Found extends Element>(
  selector: string,
  type: abstract new (...none: never[]) => Found,
  within: ParentNode = document,
): Found {
  const element = within.querySelector(selector)
  if (element instanceof type) return element
  throw new Error(`no ${selector} in the page`)
}

/** An element by its `data-testid`. */
export function findPart(name: string): HTMLElement {
  return find(`[data-testid="${name}"]`, HTMLElement)
}
