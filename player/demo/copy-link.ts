import { find } from './dom.ts'

let hide: ReturnType<typeof setTimeout> | undefined

/** Puts the whole link, token included, on the clipboard, or shows it where that is not allowed. */
export async function copyLink(url: string): Promise<void> {
  const link = new URL(url, location.href).href
  await copyText(link, 'Copied. Open it in another browser: it is refused there.', 'the link')
}

/**
 * @param done said when it is on the clipboard
 * @param name of what is copied, said when it is not
 */
export async function copyText(copied: string, done: string, name: string): Promise<void> {
  const toast = find('#toast', HTMLElement)
  clearTimeout(hide)
  try {
    await navigator.clipboard.writeText(copied)
    toast.replaceChildren(done)
    hide = setTimeout(() => toast.replaceChildren(), 6_000)
  } catch {
    // No clipboard without HTTPS: then it stands here to be copied by hand.
    const text = document.createElement('code')
    text.textContent = copied
    toast.replaceChildren(`The clipboard is not available here. This is ${name}: `, text)
    getSelection()?.selectAllChildren(text)
    hide = setTimeout(() => toast.replaceChildren(), 30_000)
  }
}
