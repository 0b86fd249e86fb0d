import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { CommandError, withErrors } from "@landfall/streams/commands/command-error";
import { formatTable } from "@landfall/streams/commands/table";
import { isLandfallError, LandfallError } from "@landfall/streams/model/errors";
import { loadNodeSettings } from "@landfall/streams/settings/node-settings-schema";
import { hash } from "@node-rs/argon2";
import { Command } from "commander";
import { DEVICE_NAME_CHARS_MAX } from "../limits.js";
import { checkEdgeSettings, EdgeSettingsSchema } from "../settings.js";
import { DEVICE_NAME, type Device } from "./device.js";
import { changeDevices, readDevices } from "./devices-file.js";

/** Where the command reads and writes; the process itself unless a test says otherwise. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: Pick<NodeJS.WritableStream, "write">;
}

interface Where {
  readonly file?: string;
  readonly config?: string;
}

interface AddOptions extends Where {
  readonly containers?: string[];
  readonly ships?: string[];
  readonly operations?: boolean;
  readonly certificate?: boolean;
  readonly passwordStdin?: boolean;
  readonly replace?: boolean;
}

/** Bits of a password that is made here: nobody guesses it, whatever the hash costs. */
const PASSWORD_BYTES = 18;

/** `landfall device add|remove|list`: the credentials of an edge's sensors, in the file that the edge follows. */
export function deviceCommand(terminal: Terminal = process): Command {
  const command = new Command("device").description(
    "credentials of sensors: add, remove, list; an edge that runs follows within a second",
  );
  withFile(command.command("add"))
    .description("let a device sign in: prints its new password, unless it is to have none or you say one")
    .argument(
      "<name>",
      "its user name, or the common name of its certificate; client ids are the name, or name:anything",
    )
    .option("--containers <numbers...>", 'containers it reports for, e.g. CSQU3054383; "*" for every one')
    .option("--ships <numbers...>", 'ships it reports for, by IMO number; "*" for every one')
    .option("--operations", "no sensor: sends commands and may look at $SYS")
    .option("--certificate", "it proves itself with a certificate of mqtt.tls.ca instead of a password")
    .option("--password-stdin", "take the password from the first line of standard input")
    .option("--replace", "it is there already: another password, other containers")
    .action((name: string, options: AddOptions) => run(() => add(name, options, terminal)));
  withFile(command.command("remove"))
    .description("take a device's credentials away: its connections end")
    .argument("<name>")
    .action((name: string, options: Where) => run(() => remove(name, options, terminal)));
  withFile(command.command("list"))
    .description("who may sign in, and for what")
    .option("--json", "print it as JSON, without hashes")
    .action((options: Where & { json?: boolean }) => run(() => list(options, terminal)));
  return command;
}

function withFile(command: Command): Command {
  return command
    .option("-f, --file <file>", "the file of devices (mqtt.devices)", "devices.yaml")
    .option("-c, --config <file>", "an edge's settings, which name that file");
}

async function run(work: () => Promise<void> | void): Promise<void> {
  process.exitCode = await withErrors("device", async () => {
    try {
      await work();
      return 0;
    } catch (error) {
      throw isLandfallError(error) ? new CommandError(error.message, { cause: error }) : error;
    }
  });
}

async function add(name: string, options: AddOptions, { stdin, stdout }: Terminal): Promise<void> {
  if (!DEVICE_NAME.test(name) || name.length > DEVICE_NAME_CHARS_MAX) {
    throw new LandfallError(
      "INVALID_ARGUMENT",
      `${JSON.stringify(name)} is no device's name: letters, digits, '.', '_' and '-'`,
    );
  }
  const { containers = [], ships = [], operations = false, certificate = false } = options;
  const hasPassword = options.passwordStdin === true || !certificate;
  const password = !hasPassword ? undefined : options.passwordStdin ? await firstLine(stdin) : newPassword();
  const device: Device = {
    name,
    ...(password !== undefined && { passwordHash: await hash(password) }),
    certificate,
    role: operations ? "operations" : "sensor",
    containers,
    ships,
  };
  changeDevices(fileOf(options), (devices) => {
    const isThere = devices.some((other) => other.name === name);
    if (isThere && options.replace !== true) {
      throw new LandfallError("INVALID_ARGUMENT", `${name} is there already: --replace gives it another password`);
    }
    return isThere ? devices.map((other) => (other.name === name ? device : other)) : [...devices, device];
  });
  if (certificate) stdout.write(`${name} may sign in with a certificate whose common name is ${name}\n`);
  if (password !== undefined && options.passwordStdin !== true) {
    stdout.write(`user name: ${name}\npassword:  ${password}\n(it is not shown again)\n`);
  }
}

function remove(name: string, options: Where, { stdout }: Terminal): void {
  changeDevices(fileOf(options), (devices) => {
    const others = devices.filter((device) => device.name !== name);
    if (others.length === devices.length)
      throw new LandfallError("NOT_FOUND", `there is no device ${name} in ${fileOf(options)}`);
    return others;
  });
  stdout.write(`${name} is removed\n`);
}

function list(options: Where & { json?: boolean }, { stdout }: Terminal): void {
  const devices = readDevices(fileOf(options)).map(({ passwordHash, ...device }) => ({
    ...device,
    password: passwordHash !== undefined,
  }));
  if (options.json === true) return void stdout.write(`${JSON.stringify(devices, undefined, 2)}\n`);
  const rows = devices.map(({ name, role, password, certificate, containers, ships }) => [
    name,
    role,
    [password && "password", certificate && "certificate"].filter(Boolean).join(", "),
    containers.join(" "),
    ships.join(" "),
  ]);
  stdout.write(`${formatTable(["device", "role", "signs in by", "containers", "ships"], rows)}\n`);
}

/** @throws LandfallError INVALID_SETTINGS */
function fileOf({ config, file = "devices.yaml" }: Where): string {
  if (config === undefined) return file;
  const source = { file: config, env: process.env, check: checkEdgeSettings };
  const { devices } = loadNodeSettings(EdgeSettingsSchema, source).mqtt;
  if (devices === undefined)
    throw new LandfallError("INVALID_SETTINGS", `${config} names no file of devices: set mqtt.devices`);
  return devices;
}

function newPassword(): string {
  return randomBytes(PASSWORD_BYTES).toString("base64url");
}

async function firstLine(input: NodeJS.ReadableStream): Promise<string> {
  for await (const line of createInterface({ input })) {
    if (line !== "") return line;
    break;
  }
  throw new LandfallError("INVALID_ARGUMENT", "no password on standard input");
}
