/**
 * `playgate/playlists`: session tokens into HLS playlists and the JSON documents beside them, bytes in,
 * bytes out. No HTTP, no clock, no Node-only API: it runs in a worker too.
 */
export { type CompiledPlaylist, compilePlaylist } from './compile-playlist.ts'
export { describePlaylist, type PlaylistDescription } from './describe-playlist.ts'
export type { PlaylistMode } from './destination.ts'
export type { CompileOptions, RewriteJsonOptions, RewriteOptions } from './options.ts'
export { rewriteJson } from './rewrite-json.ts'
export { rewritePlaylist } from './rewrite-playlist.ts'
export type { Imports } from './variables.ts'
