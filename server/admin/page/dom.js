/**
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @returns {Kind}
 */
export function byId(id) {
  const found = document.getElementById(id)
  if (found === null) throw new Error(`the page has no #${id}`)
  return /** @type {Kind} */ (found)
}

/**
 * Writes text only where it differs: what stands still keeps its selection, and no screen reader is told twice.
 *
 * @param {Element} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text
}

/**
 * The elements of a row that are filled in.
 *
 * @template {string} Name
 * @param {Element} row
 * @param {readonly Name[]} names of their slots
 * @returns {Record<Name, HTMLElement>}
 */
export function slotsOf(row, names) {
  const slots = names.map((name) => {
    const slot = row.querySelector(`[data-slot="${name}"]`)
    if (slot === null) throw new Error(`the row has no slot ${name}`)
    return [name, slot]
  })
  return Object.fromEntries(slots)
}

/**
 * @param {string} id of a template with one row
 * @returns {HTMLTableRowElement}
 */
export function newRow(id) {
  const { content } = /** @type {HTMLTemplateElement} */ (byId(id))
  const row = document.importNode(content, true).firstElementChild
  return /** @type {HTMLTableRowElement} */ (row)
}

/**
 * Makes these the children of a parent, in this order, and touches none that stands right already: rows keep their focus, and
 * the page does not jump.
 *
 * @param {Element} parent
 * @param {readonly Element[]} wanted
 */
export function arrange(parent, wanted) {
  const kept = new Set(wanted)
  for (const child of [...parent.children]) if (!kept.has(child)) child.remove()
  for (const [index, element] of wanted.entries()) {
    const there = parent.children[index] ?? null
    if (there !== element) parent.insertBefore(element, there)
  }
}

let hiding = 0

/**
 * Tells a screen reader what the eye sees elsewhere on the page.
 *
 * @param {string} text
 */
export function whisper(text) {
  write(byId('whisper'), text)
}

/**
 * Tells what was done, to the eye and to a screen reader, for a while.
 *
 * @param {string} text
 */
export function announce(text) {
  const toast = byId('toast')
  toast.textContent = text
  clearTimeout(hiding)
  hiding = setTimeout(() => {
    toast.textContent = ''
  }, 6_000)
}
