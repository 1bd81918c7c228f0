import type { SecretSources } from './read-secret.ts'

/** Secrets from this process' environment, files from its working directory. */
export function systemSources(): SecretSources {
  return { environment: process.env, baseDirectory: process.cwd() }
}
