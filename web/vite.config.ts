import { defineConfig } from "vite";

// One script, one style sheet, one worker: few requests, and an exported page
// can carry them within itself. A development server passes the API on to
// `laminar playground`.
export default defineConfig({
  base: "/",
  build: {
    outDir: process.env.LAMINAR_OUT ?? "dist",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: true,
    cssCodeSplit: false,
    rolldownOptions: { output: { codeSplitting: false } },
  },
  worker: { format: "iife" },
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  server: { proxy: { "/api": "http://127.0.0.1:8787" } },
});
