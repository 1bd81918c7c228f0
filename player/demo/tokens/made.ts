import { copyText } from '../copy-link.ts'
import { h, icon } from '../dom.ts'
import { titleOf, writeFields } from './say.ts'
import type { MadeToken } from './site.ts'

/** Shows a token that was just made, and where it goes. */
export function writeMade(
  { token, link, said }: MadeToken,
  onTakeApart: (text: string) => void,
): readonly HTMLElement[] {
  const url = link === null ? null : new URL(link, location.href).href
  return [
    h('h3', {}, said === null ? 'A token' : titleOf(said)),
    writeText('The token', h('p', { class: 'raw', 'data-testid': 'made-token' }, token), [
      copyButton('Copy token', token, 'the token'),
    ]),
    url === null
      ? h(
          'p',
          { class: 'no-link' },
          'It holds & or #, so it cannot stand in a URL: a cookie or a header can carry it.',
        )
      : writeText('The URL it goes into', writeUrl(url, token), [
          copyButton('Copy link', url, 'the link'),
        ]),
    said === null
      ? h('p', { class: 'says-nothing' }, 'Nothing that anybody here can read.')
      : h('section', { class: 'made-part' }, h('h4', {}, 'What it says'), writeFields(said)),
    apartButton(url ?? token, onTakeApart),
  ]
}

function writeText(title: string, text: HTMLElement, buttons: readonly HTMLElement[]): HTMLElement {
  return h(
    'section',
    { class: 'made-part' },
    h('div', { class: 'made-head' }, h('h4', {}, title), ...buttons),
    text,
  )
}

/** The token in it stands out. */
function writeUrl(url: string, token: string): HTMLElement {
  const start = url.indexOf(token)
  return h(
    'p',
    { class: 'raw', 'data-testid': 'made-link' },
    ...(start < 0
      ? [url]
      : [url.slice(0, start), h('b', {}, token), url.slice(start + token.length)]),
  )
}

function copyButton(label: string, text: string, name: string): HTMLElement {
  const button = h('button', { class: 'quiet', type: 'button' }, icon('copy'), label)
  button.addEventListener('click', () => void copyText(text, `Copied ${name}.`, name))
  return button
}

function apartButton(text: string, onTakeApart: (text: string) => void): HTMLElement {
  const button = h(
    'button',
    { class: 'quiet made-apart', type: 'button', 'data-testid': 'take-made-apart' },
    'Take it apart',
    icon('down'),
  )
  button.addEventListener('click', () => onTakeApart(text))
  return button
}
