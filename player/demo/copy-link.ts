import { find } from './dom.ts'

const hint = 'Copied. Open it in another browser: it is refused there.'
let hide: ReturnType<typeof setTimeout> | undefined

/** Puts the whole link, token included, on the clipboard, or shows it where that is not allowed. */
export async function copyLink(url: string): Promise<void> {
  const link = new URL(url, location.href).href
  const toast = find('#toast', HTMLElement)
  clearTimeout(hide)
  try {
    await navigator.clipboard.writeText(link)
    toast.replaceChildren(hint)
    hide = setTimeout(() => toast.replaceChildren(), 6_000)
  } catch {
    // No clipboard without HTTPS: then it stands here to be copied by hand.
    const text = document.createElement('code')
    text.textContent = link
    toast.replaceChildren('The clipboard is not available here. This is the link: ', text)
    getSelection()?.selectAllChildren(text)
    hide = setTimeout(() => toast.replaceChildren(), 30_000)
  }
}
