import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { defineConfig, type Plugin } from "vite";
import { precompressed } from "./precompressed.js";
import { scriptBudget } from "./script-budget.js";

/** Where `npm run dev -w web` finds a headquarters: the demo's Los Angeles. */
const headquarters = process.env.LANDFALL_HQ ?? "http://127.0.0.1:8080";

const require = createRequire(import.meta.url);

/** Packages whose files are shipped as they are; the bundler's own list knows only scripts. */
const ASSET_PACKAGES = ["@fontsource-variable/inter", "world-atlas"];

/** What a browser has to fetch of scripts, at most; a build that is over it fails. */
const SCRIPTS_GZIPPED_BYTES_MAX = 250_000;

/** Ships the terms of the packed font and land beside them, as their licences ask. */
function assetLicenses(): Plugin {
  return {
    name: "landfall-asset-licenses",
    apply: "build",
    generateBundle() {
      const texts = ASSET_PACKAGES.map(
        (name) => `${name}\n${"=".repeat(name.length)}\n\n${readFileSync(require.resolve(`${name}/LICENSE`), "utf8")}`,
      );
      this.emitFile({ type: "asset", fileName: "asset-licenses.txt", source: texts.join("\n\n") });
    },
  };
}

export default defineConfig({
  plugins: [assetLicenses(), scriptBudget(SCRIPTS_GZIPPED_BYTES_MAX), precompressed()],
  build: {
    target: "es2022",
    // Nothing inlined as a data: URL, so that the page works under `default-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
    reportCompressedSize: true,
  },
  server: { proxy: { "/api": headquarters } },
});
