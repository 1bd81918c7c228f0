declare module 'm3u8-parser' {
  export class Parser {
    constructor(options?: { uri?: string })
    readonly manifest: Readonly<Record<string, unknown>>
    push(text: string): void
    end(): void
  }
}
