// The generated protocol code is kept in git, so that building needs no code generator. This says when it is stale.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const generated = join("proto", "src", "gen");
const before = mkdtempSync(join(tmpdir(), "landfall-gen-"));
cpSync(generated, before, { recursive: true });
execFileSync("npm", ["run", "--silent", "generate", "-w", "proto"], { stdio: "inherit" });
const files = readdirSync(generated, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
const stale = files
  .map((entry) => join(entry.parentPath, entry.name))
  .filter((file) => {
    try {
      return readFileSync(file, "utf8") !== readFileSync(join(before, file.slice(generated.length)), "utf8");
    } catch {
      return true;
    }
  });
rmSync(before, { recursive: true, force: true });
if (stale.length > 0) {
  process.stderr.write(`not what replication.proto says: ${stale.join(", ")}; now regenerated, commit it\n`);
  process.exit(1);
}
