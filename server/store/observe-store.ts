import type { Store } from './store.ts'

/** Told of each call when it has ended. */
export type StoreObserver = (operation: keyof Store, tookMs: number, isFailure: boolean) => void

/** The same store, with somebody who watches: for figures. */
export function observeStore(store: Store, observe: StoreObserver): Store {
  const watched =
    <Name extends keyof Store>(name: Name) =>
    async (...args: Parameters<Store[Name]>): Promise<Awaited<ReturnType<Store[Name]>>> => {
      const startedMs = performance.now()
      let isFailure = true
      try {
        const method = store[name] as (...args: unknown[]) => ReturnType<Store[Name]>
        const answer = await method.apply(store, args)
        isFailure = false
        return answer
      } finally {
        observe(name, performance.now() - startedMs, isFailure)
      }
    }
  return {
    spend: watched('spend'),
    isSpent: watched('isSpent'),
    noteSessions: watched('noteSessions'),
    findSession: watched('findSession'),
    listSessions: watched('listSessions'),
    revoke: watched('revoke'),
    revocationsSince: watched('revocationsSince'),
    claimPlaces: watched('claimPlaces'),
    peekPlace: watched('peekPlace'),
    leavePlace: watched('leavePlace'),
    addToken: watched('addToken'),
    findToken: watched('findToken'),
    listTokens: watched('listTokens'),
    removeTokens: watched('removeTokens'),
    removeTokensOf: watched('removeTokensOf'),
    noteTokenUses: watched('noteTokenUses'),
    check: watched('check'),
    close: watched('close'),
  }
}
