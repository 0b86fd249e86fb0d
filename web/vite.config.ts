import { defineConfig } from "vite";

/** Where `npm run dev -w web` finds a headquarters: the demo's Los Angeles. */
const headquarters = process.env.LANDFALL_HQ ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    target: "es2022",
    // Nothing inlined as a data: URL, so that the page works under `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": headquarters } },
});
