import { h } from '../dom.ts'
import type { FieldProblem } from '../site.ts'
import type { Field } from './fields.ts'
import type { Typed } from './site.ts'

/** Fields on the page, what was typed into them, and what is wrong with it. */
export interface FieldGroup {
  readonly element: HTMLElement
  values(): Typed
  /**
   * Says at each field what is wrong with it, and goes to the first.
   *
   * @returns those that are about none of the fields
   */
  show(problems: readonly FieldProblem[]): readonly FieldProblem[]
}

/** @param place makes the ids of the fields differ from those of other groups */
export function createFields(fields: readonly Field[], place: string): FieldGroup {
  const all = fields.map((field) => createField(field, `${place}-${field.name}`))
  return {
    element: h('div', { class: 'form-fields' }, ...all.map(({ element }) => element)),
    values() {
      const lists = Object.fromEntries(all.flatMap((field) => field.list()))
      const values = Object.fromEntries(all.flatMap((field) => field.value()))
      return Object.keys(lists).length === 0 ? values : { ...values, params: lists }
    },
    show(problems) {
      for (const field of all) {
        field.say(problems.filter(({ path }) => field.isMeant(path)).map(({ message }) => message))
      }
      all.find(({ isWrong }) => isWrong())?.focus()
      return problems.filter(({ path }) => !all.some((field) => field.isMeant(path)))
    },
  }
}

type Pairs = readonly (readonly [name: string, value: string])[]

interface BuiltField {
  readonly element: HTMLElement
  value(): Pairs
  /** What goes among the parameters of an ectoken. */
  list(): Pairs
  isMeant(path: string): boolean
  isWrong(): boolean
  say(messages: readonly string[]): void
  focus(): void
}

function createField(field: Field, id: string): BuiltField {
  const { name, label, hint, unit, choices, isAllowDeny = false } = field
  const input = createInput(field, id)
  const sense = isAllowDeny
    ? h(
        'select',
        { 'aria-label': `${label}: these, or all others`, class: 'sense' },
        h('option', { value: 'allow' }, 'only'),
        h('option', { value: 'deny' }, 'not'),
      )
    : null
  const hintId = `${id}-hint`
  const error = h('p', { class: 'field-error', id: `${id}-error` })
  if (hint !== '') input.setAttribute('aria-describedby', hintId)
  const isParameter = isAllowDeny || (choices !== undefined && name.startsWith('ec_'))
  const pairs = (): Pairs => {
    const text = input.value.trim()
    if (text === '') return []
    return [[sense === null ? name : `${name}_${sense.value}`, text]]
  }

  function say(messages: readonly string[]): void {
    const isWrong = messages.length > 0
    error.textContent = isWrong ? sentence(messages) : ''
    if (isWrong) input.setAttribute('aria-invalid', 'true')
    else input.removeAttribute('aria-invalid')
    const described = [isWrong ? error.id : '', hint === '' ? '' : hintId].filter(Boolean).join(' ')
    if (described === '') input.removeAttribute('aria-describedby')
    else input.setAttribute('aria-describedby', described)
  }
  // What has been changed since is not known to be wrong.
  input.addEventListener('input', () => say([]))

  return {
    element: h(
      'div',
      { class: 'form-field', 'data-field': name },
      h('label', { for: id }, label),
      h(
        'div',
        { class: 'form-input' },
        sense,
        input,
        unit === undefined ? null : h('span', { class: 'unit' }, unit),
      ),
      error,
      hint === '' ? null : h('p', { class: 'hint', id: hintId }, hint),
    ),
    value: () => (isParameter ? [] : pairs()),
    list: () => (isParameter ? pairs() : []),
    isMeant: (path) => path === name || (isAllowDeny && path.startsWith(`${name}_`)),
    isWrong: () => input.getAttribute('aria-invalid') === 'true',
    say,
    focus: () => input.focus(),
  }
}

function createInput(
  { name, value = '', placeholder, unit, choices }: Field,
  id: string,
): HTMLInputElement | HTMLSelectElement {
  if (choices !== undefined) {
    return h(
      'select',
      { id, name },
      ...choices.map(([choice, label]) => h('option', { value: choice }, label)),
    )
  }
  return h('input', {
    id,
    name,
    value,
    placeholder: placeholder ?? null,
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    inputmode: unit === undefined ? null : 'numeric',
  })
}

function sentence(messages: readonly string[]): string {
  const text = messages.join('; ')
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}
