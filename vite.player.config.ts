import { defineConfig } from 'vite'

/** The player as one file for a `<script>` tag: everything of its door is on the global `Playgate`. */
export default defineConfig({
  publicDir: false,
  build: {
    outDir: 'dist/player',
    // The modules that the compiler wrote stand there, too.
    emptyOutDir: false,
    sourcemap: true,
    lib: {
      entry: 'player/index.ts',
      name: 'Playgate',
      formats: ['iife'],
      fileName: () => 'playgate-player.js',
    },
  },
})
