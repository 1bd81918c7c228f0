import { createRequire } from 'node:module'

/** From the package's own description, which stands above `dist/` and above the sources alike. */
export const version = String(createRequire(import.meta.url)('playgate/package.json').version)
