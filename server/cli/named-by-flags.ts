import { OptionError } from '../../shared/codes.ts'

/** Options of the library that the commands call otherwise. */
const flags: Readonly<Record<string, string>> = {
  ttlSeconds: '--ttl',
  params: '--param',
  clientAddress: '--ip',
  url: 'URL',
}

/** What is wrong with an option is said of the flag that it was given with. */
export async function namedByFlags<Result>(work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    const problems = error.problems.map(({ path, message }) => {
      // `params.ec_host_allow` is given as `--param ec_host_allow=…`.
      const [option = '', ...rest] = path.split('.')
      return { path: [flags[option] ?? `--${option}`, ...rest].join(' '), message }
    })
    throw new OptionError(problems)
  }
}
