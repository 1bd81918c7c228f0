import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A process of ours that answers each message with one. It ends by itself when we do. */
export class Child {
  #process
  #exited

  /** @param {string} file in this folder */
  constructor(file) {
    this.#process = fork(join(import.meta.dirname, file))
    this.#exited = once(this.#process, 'exit')
  }

  /**
   * @param {object} message
   * @returns {Promise<any>}
   * @throws {Error} what went wrong there, or that it has ended
   */
  async ask(message) {
    const ended = this.#exited.then(([code]) => {
      throw new Error(`a process of the benchmark ended with status ${code}`)
    })
    const answered = once(this.#process, 'message').then(([answer]) => answer)
    this.#process.send(message)
    const answer = await Promise.race([answered, ended])
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer
  }

  async end() {
    if (this.#process.connected) this.#process.disconnect()
    await this.#exited
  }
}
