import { gzipSync } from "node:zlib";
import type { Plugin } from "vite";

/** Fails the build when all its scripts together, each gzipped, are larger: nobody notices how a map grows slow. */
export function scriptBudget(bytesMax: number): Plugin {
  return {
    name: "landfall-script-budget",
    apply: "build",
    generateBundle(_, bundle) {
      const scripts = Object.values(bundle).flatMap((file) => (file.type === "chunk" ? [file] : []));
      const bytes = scripts.reduce((sum, { code }) => sum + gzipSync(code).length, 0);
      if (bytes > bytesMax) this.error(`the scripts are ${bytes} bytes gzipped, at most ${bytesMax} are wanted`);
    },
  };
}
