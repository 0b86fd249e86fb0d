import { createInterface } from "node:readline";
import { LandfallError } from "@landfall/streams/model/errors";
import { runNode } from "@landfall/streams/node/run-node";
import { loadNodeSettings } from "@landfall/streams/settings/node-settings-schema";
import { hash } from "@node-rs/argon2";
import { Command } from "commander";
import { createHq } from "./hq.js";
import { PASSWORD_CHARS_MAX } from "./limits.js";
import { checkHqSettings, HqSettingsSchema } from "./settings.js";

/** Where a command reads and writes; the process itself unless a test says otherwise. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly stdout: Pick<NodeJS.WritableStream, "write">;
  readonly stderr: Pick<NodeJS.WritableStream, "write">;
}

/** `landfall hq` and `landfall hq hash-password`. */
export function hqCommand(terminal: Terminal = process): Command {
  return new Command("hq")
    .description("run a headquarters: the fleet's map, its people and the HTTP API")
    .option("-c, --config <file>", "settings, a YAML file")
    .option("--http-port <port>", "port of the HTTP API and the map, instead of the file's", Number)
    .option("--data <folder>", "data folder, instead of the file's")
    .addHelpText("after", "\nEach key of the settings can also be given as LANDFALL_…, e.g. LANDFALL_HTTP_PORT.")
    .action(async (options: { config?: string; httpPort?: number; data?: string }, command: Command) => {
      const { config } = options;
      // Not a required option: that would be asked of `hash-password` too.
      if (config === undefined) return command.error("error: required option '-c, --config <file>' not specified");
      await runNode("landfall hq", async () => {
        const settings = loadNodeSettings(HqSettingsSchema, {
          file: config,
          env: process.env,
          overrides: { http: { port: options.httpPort }, data: options.data },
          check: checkHqSettings,
          warn: (message) => process.stderr.write(`landfall hq: ${message}\n`),
        });
        return createHq(settings);
      });
    })
    .addCommand(hashPasswordCommand(terminal));
}

function hashPasswordCommand({ stdin, stdout, stderr }: Terminal): Command {
  return new Command("hash-password")
    .description("read a password from standard input and print its argon2id hash for the settings")
    .action(async () => {
      try {
        stdout.write(`${await hashPassword(stdin, stderr)}\n`);
      } catch (error) {
        if (!(error instanceof LandfallError)) throw error;
        stderr.write(`landfall hq hash-password: ${error.message}\n`);
        process.exitCode = 1;
      }
    });
}

/** Hash of the first line of `input`. @throws LandfallError INVALID_ARGUMENT */
export async function hashPassword(input: Terminal["stdin"], prompt: Terminal["stderr"]): Promise<string> {
  if (input.isTTY) prompt.write("Password: ");
  let password = "";
  for await (const line of createInterface({ input })) {
    password = line;
    break;
  }
  if (password === "") throw new LandfallError("INVALID_ARGUMENT", "no password on standard input");
  if (password.length > PASSWORD_CHARS_MAX) {
    throw new LandfallError("INVALID_ARGUMENT", `a password has at most ${PASSWORD_CHARS_MAX} characters`);
  }
  return hash(password);
}
