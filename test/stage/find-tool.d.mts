export type ToolName = 'chromium' | 'nginx' | 'caddy' | 'redis-server' | 'ffmpeg' | 'ffprobe'

export declare const tools: Readonly<
  Record<
    ToolName,
    {
      readonly names: readonly string[]
      readonly variable?: string
      readonly packages: readonly string[]
    }
  >
>

/** Where a tool is, as an absolute path; a path in the tool's environment variable goes first. */
export declare function findTool(name: ToolName): string | undefined

/** Is this a run whose result counts, so that nothing may be left out? */
export declare function isContinuousIntegration(): boolean
