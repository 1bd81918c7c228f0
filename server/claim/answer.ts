/** The answer to one question about a claim. `detail` goes to the log; it holds no token text. */
export type ClaimAnswer<Reason extends string> =
  | { readonly ok: true }
  | { readonly ok: false; readonly reason: Reason; readonly detail: string }

export const granted: { readonly ok: true } = Object.freeze({ ok: true })
