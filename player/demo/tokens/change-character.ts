export interface ChangedToken {
  readonly text: string
  /** Where, from the start. */
  readonly index: number
}

/** Alphabets within which a character is changed, so that the token keeps its form. */
const alphabets = ['0123456789', 'abcdef', 'ghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ']

/**
 * The token with one character changed: of a value, and not of the names and prefixes by which its format is known.
 *
 * @param pick a number from 0 up to 1, which decides where
 * @returns `null` when it has none that could be changed
 */
export function changeCharacter(token: string, pick: number): ChangedToken | null {
  const places = placesIn(token)
  const index = places[Math.floor(pick * places.length)]
  if (index === undefined) return null
  const next = nextOf(token.charAt(index))
  return { text: token.slice(0, index) + next + token.slice(index + 1), index }
}

function placesIn(token: string): number[] {
  const fixed = [...token.matchAll(/^pg[a-z]_|(?:^|~)[a-z]+(?==)/g)].map((match) => [
    match.index,
    match.index + match[0].length,
  ])
  return token.split('').flatMap((character, index) => {
    const isFixed = fixed.some(([start = 0, end = 0]) => index >= start && index < end)
    return isFixed || nextOf(character) === character ? [] : [index]
  })
}

/** Itself, where no other would do in its place. */
function nextOf(character: string): string {
  const alphabet = alphabets.find((letters) => letters.includes(character))
  if (alphabet === undefined) return character
  return alphabet.charAt((alphabet.indexOf(character) + 1) % alphabet.length)
}
