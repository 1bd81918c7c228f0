/** Names that media, keys and texts bear, and playlists do not. */
const mediaName =
  /\.(?:ts|m4s|mp4|m4v|m4a|m4f|cmf[vat]|aac|ac3|ec3|mp3|vtt|webvtt|ttml|key|json|jpe?g|png|webp)$/i

/**
 * Is this certainly no playlist, by its name? Then an access token alone is refused without asking the origin;
 * all else is a playlist or not by what the origin answers.
 */
export function isMediaName(path: string): boolean {
  return mediaName.test(path)
}

/** A playlist by its name; others show themselves by what the origin answers. */
export function isPlaylistName(path: string): boolean {
  return /\.m3u8?$/i.test(path)
}
