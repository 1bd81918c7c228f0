import { defineConfig } from 'vitest/config'

export default defineConfig({
  root: 'player/demo',
  publicDir: false,
  build: { outDir: '../../dist/demo', emptyOutDir: true },
  test: {
    root: '.',
    include: ['test/**/*.test.ts'],
    setupFiles: [],
    testTimeout: 30_000,
    coverage: {
      provider: 'v8',
      include: ['server/**/*.ts', 'player/*.ts', 'shared/**/*.ts'],
      reporter: ['text-summary', 'html'],
    },
  },
})
