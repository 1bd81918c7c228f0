import { find, findPart, h, icon } from '../dom.ts'
import { SiteError } from '../site.ts'
import { changeCharacter } from './change-character.ts'
import { describeFailure } from './failure.ts'
import { requestFields } from './fields.ts'
import { createFields } from './form.ts'
import { titleOf, writeFields } from './say.ts'
import { type TakenApart, type Typed, takeApart } from './site.ts'
import { isGood, spokenVerdict, writeVerdict } from './verdict.ts'

export interface ApartPanel {
  /** Takes that text apart, as if it had been pasted. */
  take(text: string): void
}

/** What stands on the page. */
interface Shown {
  readonly taken: TakenApart
  /** As it was pasted. */
  readonly original: TakenApart
  readonly asked: Typed
  /** Which character was changed; `null`: none. */
  readonly changedAt: number | null
}

/** Whatever was pasted, taken apart; and the same with a character changed. */
export function createApartPanel(pick: () => number = Math.random): ApartPanel {
  const form = find('#apart-form', HTMLFormElement)
  const input = find('#apart-text', HTMLTextAreaElement)
  const inputError = find('#apart-text-error', HTMLElement)
  const details = find('#request-details', HTMLDetailsElement)
  const trouble = find('#apart-trouble', HTMLElement)
  const spoken = find('#apart-spoken', HTMLElement)
  const result = findPart('apart')
  const request = createFields(requestFields, 'request')
  find('#request-fields', HTMLElement).append(request.element)
  let latest = 0

  async function read(text: string, asked: Typed): Promise<TakenApart | null> {
    const mine = ++latest
    say('')
    trouble.textContent = ''
    result.setAttribute('aria-busy', 'true')
    try {
      const taken = await takeApart(text, asked)
      if (mine !== latest) return null
      request.show([])
      return taken
    } catch (error) {
      if (!(error instanceof SiteError)) throw error
      if (mine === latest) complain(error)
      return null
    } finally {
      if (mine === latest) result.removeAttribute('aria-busy')
    }
  }

  function complain(error: SiteError): void {
    const ofText = error.problems.filter(({ path }) => path === 'text')
    say(ofText.map(({ message }) => message).join('; '))
    const others = error.problems.filter(({ path }) => path !== 'text')
    // A field that nobody sees cannot say what is wrong with it.
    if (others.length > 0) details.open = true
    const unsaid = request.show(others)
    if (ofText.length > 0) input.focus()
    trouble.textContent = describeFailure(error, unsaid)
    result.replaceChildren()
    for (const name of Object.keys(result.dataset)) {
      if (name !== 'testid') delete result.dataset[name]
    }
  }

  function say(message: string): void {
    inputError.textContent =
      message === '' ? '' : `${message.charAt(0).toUpperCase()}${message.slice(1)}.`
    if (message === '') input.removeAttribute('aria-invalid')
    else input.setAttribute('aria-invalid', 'true')
  }

  async function submit(): Promise<void> {
    const asked = request.values()
    const taken = await read(input.value, asked)
    if (taken === null) return
    show({ taken, original: taken, asked, changedAt: null })
    result.firstElementChild?.scrollIntoView({ block: 'nearest' })
  }

  async function change(original: TakenApart, asked: Typed): Promise<void> {
    const { token, url } = original
    const changed = token === null ? null : changeCharacter(token, pick())
    if (token === null || url === null || changed === null) return
    const at = url.indexOf(token)
    // The path stands in that URL.
    const { path: _path, ...facts } = asked
    const taken = await read(url.slice(0, at) + changed.text + url.slice(at + token.length), facts)
    if (taken === null) return
    show({
      taken: { ...taken, token: changed.text },
      original,
      asked,
      changedAt: changed.index,
    })
  }

  function show(shown: Shown): void {
    const { taken, original, asked, changedAt } = shown
    const isChanged = changedAt !== null
    const hadFocus = result.contains(document.activeElement)
    result.dataset.good = String(isGood(taken))
    result.dataset.changed = String(isChanged)
    result.dataset.format = taken.said?.format ?? 'none'
    const buttons = writeButtons(shown, {
      onChange: () => void change(original, asked),
      onUndo: () => show({ taken: original, original, asked, changedAt: null }),
    })
    result.replaceChildren(
      h(
        'div',
        { class: 'panel apart-token' },
        h('h3', {}, titleFor(taken)),
        taken.token === null ? null : writeToken(taken.token, changedAt),
        buttons,
      ),
      writeVerdict(taken, { asked, isChanged }),
    )
    if (taken.said !== null) {
      const title = isChanged ? 'What it says now' : 'What it says'
      result.append(h('section', { class: 'panel' }, h('h3', {}, title), writeFields(taken.said)))
    }
    if (hadFocus) buttons?.querySelector('button')?.focus({ preventScroll: true })
    spoken.textContent = `${titleFor(taken)}. ${spokenVerdict(taken)}`
  }

  request.element.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') form.requestSubmit()
  })
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    void submit()
  })
  input.addEventListener('keydown', (event) => {
    // A token has no lines.
    if (event.key !== 'Enter') return
    event.preventDefault()
    form.requestSubmit()
  })
  input.addEventListener('input', () => say(''))

  return {
    take(text) {
      input.value = text
      form.requestSubmit()
      find('#apart', HTMLElement).scrollIntoView()
      input.focus({ preventScroll: true })
    },
  }
}

function titleFor({ token, said }: TakenApart): string {
  if (token === null) return 'No token in it'
  return said === null ? 'No token of a known format' : titleOf(said)
}

function writeToken(token: string, changedAt: number | null): HTMLElement {
  return h(
    'p',
    { class: 'raw', 'data-testid': 'apart-token' },
    ...(changedAt === null
      ? [token]
      : [
          token.slice(0, changedAt),
          h('mark', {}, token.charAt(changedAt)),
          token.slice(changedAt + 1),
        ]),
  )
}

function writeButtons(
  { original, changedAt }: Shown,
  { onChange, onUndo }: { onChange: () => void; onUndo: () => void },
): HTMLElement | null {
  if (original.token === null || original.url === null) return null
  const isChanged = changedAt !== null
  const change = h(
    'button',
    { class: 'quiet', type: 'button', 'data-testid': 'change-character' },
    icon('pen'),
    isChanged ? 'Change another one' : 'Change one character',
  )
  change.addEventListener('click', onChange)
  if (!isChanged) return h('div', { class: 'apart-acts' }, change)
  const undo = h(
    'button',
    { class: 'quiet', type: 'button', 'data-testid': 'undo-change' },
    'Take the change back',
  )
  undo.addEventListener('click', onUndo)
  return h('div', { class: 'apart-acts' }, change, undo)
}
