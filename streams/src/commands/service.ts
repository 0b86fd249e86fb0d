import { Command, InvalidArgumentError, Option } from "commander";

/** What the command line of every service may say. */
export interface ServiceOptions {
  readonly config: string;
  readonly data?: string;
  readonly httpPort?: number;
}

/** Command `name` with the options that all services share; the service adds its own and the action. */
export function serviceCommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .addOption(
      new Option("--config <file>", "settings, a YAML file; each key can also be set as LANDFALL_…")
        .env("LANDFALL_CONFIG")
        .makeOptionMandatory(),
    )
    .option("--data <dir>", "data folder, instead of the settings'")
    .addOption(new Option("--http-port <port>", "HTTP port, instead of the settings'").argParser(portNumber));
}

/** What `loadNodeSettings` reads for these options. */
export function settingsSource({ config, data, httpPort }: ServiceOptions): {
  file: string;
  env: NodeJS.ProcessEnv;
  overrides: { data: string | undefined; http: { port: number | undefined } };
  warn: (message: string) => void;
} {
  return {
    file: config,
    env: process.env,
    overrides: { data, http: { port: httpPort } },
    warn: (message) => process.stderr.write(`landfall: ${message}\n`),
  };
}

/** For commander: a TCP port. */
export function portNumber(text: string): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value > 65_535) throw new InvalidArgumentError("Want a port, 0 to 65535.");
  return value;
}
