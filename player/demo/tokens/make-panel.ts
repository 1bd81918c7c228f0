import { find, findPart, h } from '../dom.ts'
import { SiteError } from '../site.ts'
import { describeFailure } from './failure.ts'
import { formats } from './fields.ts'
import { createFields } from './form.ts'
import { writeMade } from './made.ts'
import { type Format, type MadeToken, mintToken } from './site.ts'

interface MakeEvents {
  onMade(made: MadeToken): void
  onTakeApart(text: string): void
}

/** The form that makes a token of any format, and the token. */
export function createMakePanel({ onMade, onTakeApart }: MakeEvents): void {
  const form = find('#make-form', HTMLFormElement)
  const choices = find('#formats', HTMLElement)
  const fields = find('#make-fields', HTMLElement)
  const button = find('#make-button', HTMLButtonElement)
  const trouble = find('#make-trouble', HTMLElement)
  const spoken = find('#made-spoken', HTMLElement)
  const result = findPart('made')
  const names = Object.keys(formats) as Format[]
  const groups = new Map(
    names.map((format) => [format, createFields(formats[format].fields, `make-${format}`)]),
  )

  function choose(format: Format): void {
    trouble.textContent = ''
    for (const [name, { element }] of groups) element.hidden = name !== format
    form.dataset.format = format
  }

  async function make(): Promise<void> {
    const format = form.dataset.format as Format
    const group = groups.get(format)
    if (group === undefined) return
    button.disabled = true
    trouble.textContent = ''
    try {
      const made = await mintToken({ format, ...group.values() })
      group.show([])
      result.dataset.format = made.format
      result.replaceChildren(...writeMade(made, onTakeApart))
      result.scrollIntoView({ block: 'nearest' })
      spoken.textContent = `${formats[made.format].name} token made.`
      onMade(made)
    } catch (error) {
      if (!(error instanceof SiteError)) throw error
      const others = group.show(error.problems)
      trouble.textContent = describeFailure(error, others)
    } finally {
      button.disabled = false
    }
  }

  for (const format of names) {
    const radio = h('input', { type: 'radio', name: 'format', value: format })
    radio.addEventListener('change', () => choose(format))
    const { name, about } = formats[format]
    choices.append(
      h(
        'label',
        { class: 'format', 'data-testid': `format-${format}` },
        radio,
        h('span', {}, h('b', {}, name), h('small', {}, about)),
      ),
    )
    if (format === names[0]) radio.checked = true
  }
  fields.append(...[...groups.values()].map(({ element }) => element))
  choose('edgeauth')
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void make()
  })
}
