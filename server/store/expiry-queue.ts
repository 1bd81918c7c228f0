interface Entry {
  readonly endsAtMs: number
  readonly id: string
}

/** Ids in the order in which they end: a binary heap, the earliest at the top. */
export class ExpiryQueue {
  readonly #heap: Entry[] = []

  push(entry: Entry): void {
    const heap = this.#heap
    let place = heap.length
    heap.push(entry)
    while (place > 0) {
      const parent = (place - 1) >> 1
      const above = heap[parent] as Entry
      if (above.endsAtMs <= entry.endsAtMs) break
      heap[place] = above
      place = parent
    }
    heap[place] = entry
  }

  /** Takes the earliest entry out if it has ended by then. */
  shiftEnded(nowMs: number): Entry | undefined {
    const heap = this.#heap
    const top = heap[0]
    if (top === undefined || top.endsAtMs > nowMs) return undefined
    const last = heap.pop() as Entry
    if (heap.length > 0) this.#sink(last)
    return top
  }

  #sink(entry: Entry): void {
    const heap = this.#heap
    let place = 0
    for (;;) {
      const left = heap[2 * place + 1]
      const right = heap[2 * place + 2]
      if (left === undefined) break
      const isRight = right !== undefined && right.endsAtMs < left.endsAtMs
      const below = isRight ? right : left
      if (below.endsAtMs >= entry.endsAtMs) break
      heap[place] = below
      place = 2 * place + (isRight ? 2 : 1)
    }
    heap[place] = entry
  }
}
