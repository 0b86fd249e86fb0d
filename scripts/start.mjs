// `npm start`: makes the checkout ready and runs the demo in this very process, so that Ctrl-C reaches it directly.
// Arguments are the demo's: `npm start -- --port 9090 --speed 500`; see `npx landfall demo --help`.
import { prepare } from "./prepare.mjs";

// No line of output is worth dying for: whoever reads it may go first.
process.stdout.on("error", () => undefined);
prepare();
process.argv.splice(2, 0, "demo");
await import("../bin/landfall.mjs");
