import type { Reach } from '../../shared/reach.ts'

/** How the token gets into a playlist; see the table at the top of spec/manifest-uris. */
export type PlaylistMode = 'query' | 'path' | 'define'

/** Everything about a document that decides where tokens go in it. */
export interface Destination {
  readonly mode: PlaylistMode
  readonly parameter: string
  /** The URL of the document; in path mode without the token's segment. */
  readonly base: URL
  /** Path mode: has the client's URL of the document the token's segment? */
  readonly baseHasToken: boolean
  readonly mayCarry: Reach
}

/** Constant texts; the token goes between each two of them. */
export type Placed = readonly string[]
