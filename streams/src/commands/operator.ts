import { Command, Option } from "commander";
import { tokenCommand, userCommand } from "./people-commands.js";
import { wholeNumber, withTarget } from "./target-options.js";

/** `landfall status`, `tail`, `rules`, `grant`, `user`, `token` and `verify --sites` work against any node, over its HTTP API alone; the others on a folder. */
export function operatorCommands(): Command[] {
  return [
    statusCommand(),
    tailCommand(),
    rulesCommand(),
    grantCommand(),
    userCommand(),
    tokenCommand(),
    verifyCommand(),
    authorityCommand(),
  ];
}

function statusCommand(): Command {
  return withTarget(new Command("status"))
    .description("links, backlog and peers of a node; of every node of the demo when none is named")
    .option("--json", "print what the node answers, as JSON")
    .action(async (options) => {
      const { status } = await import("./status.js");
      process.exitCode = await status(options);
    });
}

function tailCommand(): Command {
  return withTarget(new Command("tail"))
    .description("follow a stream, or one topic of it, as JSON lines")
    .argument("<stream>", "e.g. duckworks.alerts")
    .argument("[topic]", "e.g. a container number")
    .option("--from-beginning", "everything that the node holds, then what comes")
    .addOption(new Option("--cursor <cursor>", "go on where another reader stopped").conflicts("fromBeginning"))
    .option("--no-follow", "stop at the end instead of waiting for more")
    .option("--values", "print the values alone, as they were sent")
    .addOption(new Option("--limit <n>", "stop after so many records").argParser(wholeNumber))
    .action(async (stream: string, topic: string | undefined, options) => {
      const { tail } = await import("./tail.js");
      process.exitCode = await tail(stream, topic, options);
    });
}

function rulesCommand(): Command {
  const command = new Command("rules").description(
    "rules that travel: who may do what, how long things are kept, when ships speak",
  );
  const json = "print what the site answers, as JSON";
  const key = "access, retention or onboard";
  withTarget(command.command("show"))
    .description("rules in force at a site, and where each came from")
    .argument("[owner]", "e.g. duckworks; all that you may see when left out")
    .option("--json", json)
    .action(async (owner: string | undefined, options) => {
      const { showRules } = await import("./rules.js");
      process.exitCode = await showRules(owner, options);
    });
  withTarget(command.command("set"))
    .description("change a rule at a headquarters: it holds wherever the owner's settings are known, in seconds")
    .argument("<key>", key)
    .argument("<what>", "a stream, a pattern or, for onboard, an owner: duckworks.alerts, 'duckworks.*', bigblue")
    .argument("<words...>", "name=value: read='g:duckworks', days=30, at=port,sydney, lostAfterMinutes=30")
    .option("--json", json)
    .action(async (what: string, stream: string, words: string[], options) => {
      const { setRules } = await import("./rules.js");
      process.exitCode = await setRules(what, stream, words, options);
    });
  withTarget(command.command("unset"))
    .description("take a rule back, or with an owner alone all of its rules of that key: then the base counts")
    .argument("<key>", key)
    .argument("<what>", "a stream or a pattern that was set, or an owner")
    .argument("[names...]", "only these words of it, e.g. read")
    .option("--json", json)
    .action(async (what: string, stream: string, names: string[], options) => {
      const { unsetRules } = await import("./rules.js");
      process.exitCode = await unsetRules(what, stream, names, options);
    });
  return command;
}

function grantCommand(): Command {
  const command = new Command("grant").description(
    "who sees a part of an owner's streams for a while: grants and links",
  );
  const json = "print what the node answers, as JSON";
  const withTime = (made: Command): Command =>
    withTarget(made)
      .option("--voyage", "measured on the voyage that the container is on, or was on last: from gate-in to gate-out")
      .option("--from <time>", "measured at or after, e.g. 2026-11-20T08:00:00Z")
      .option("--to <time>", "measured before")
      .option("--until <time>", "when the right itself ends")
      .addOption(new Option("--days <n>", "the same, in days from now").argParser(wholeNumber))
      .addOption(new Option("--minutes <n>", "the same, in minutes from now").argParser(wholeNumber))
      .option("--streams <streams...>", "of the owner; <owner>.containers, .alerts and .latest when left out")
      .option("--note <text>", "what for")
      .option("--json", json);
  withTime(command.command("give"))
    .description("show containers to somebody, beside what rules say")
    .argument("<who>", "u:name, g:group or r:role")
    .argument("<owner>", "e.g. duckworks")
    .argument("<containers...>", "e.g. MSKU9070323")
    .action(async (who: string, owner: string, containers: string[], options) => {
      const { giveGrant } = await import("./grants.js");
      process.exitCode = await giveGrant(who, owner, containers, options);
    });
  withTime(command.command("link"))
    .description("make a link that shows one container to whoever has it; printed this once")
    .argument("<owner>", "e.g. duckworks")
    .argument("<container>", "e.g. MSKU9070323")
    .action(async (owner: string, container: string, options) => {
      const { makeLink } = await import("./grants.js");
      process.exitCode = await makeLink(owner, container, options);
    });
  withTarget(command.command("list"))
    .description("grants and links of streams that you administer")
    .argument("[owner]", "all of them when left out")
    .option("--json", json)
    .action(async (owner: string | undefined, options) => {
      const { listGrants } = await import("./grants.js");
      process.exitCode = await listGrants(owner, options);
    });
  withTarget(command.command("revoke"))
    .description("take a grant or a link back, wherever it is known, in seconds")
    .argument("<owner>", "e.g. duckworks")
    .argument("<id>", "as the list shows it")
    .option("--json", json)
    .action(async (owner: string, id: string, options) => {
      const { revokeGrant } = await import("./grants.js");
      process.exitCode = await revokeGrant(owner, id, options);
    });
  withTarget(command.command("voyages"))
    .description("voyages of a container, as far as you may know them")
    .argument("<container>", "e.g. MSKU9070323")
    .option("--json", json)
    .action(async (container: string, options) => {
      const { listVoyages } = await import("./grants.js");
      process.exitCode = await listVoyages(container, options);
    });
  return command;
}

function verifyCommand(): Command {
  return new Command("verify")
    .description(
      "check a data folder that no node has open: what is wrong, where; or compare two sites that run: do they hold the same records?",
    )
    .argument("[folder]", "e.g. data/demo/tokyo")
    .option("--sites <sites...>", "compare two sites of the running demo, or two addresses of nodes, instead")
    .option(
      "--repair",
      "a folder: remove what a crash left, mend or mark damage; sites: have peers send again what one lacks",
    )
    .option("--deep", "sites: read every byte at both, instead of trusting stored digests")
    .option("--stream <patterns...>", "sites: only these streams, e.g. duckworks.*")
    .option("--token <token>", "sites: a bearer token of both nodes' settings")
    .option("--data <folder>", "sites: the demo's data folder", "data/demo")
    .option("--json", "print the report as JSON")
    .addHelpText("after", "\nExit code, sites: 0 equal, 1 not equal, 2 could not be compared.")
    .action(async (folder: string | undefined, options, command) => {
      const { sites, ...rest } = options;
      if ((folder === undefined) === (sites === undefined)) {
        command.error("name either a folder, or two sites with --sites", { exitCode: 2 });
      }
      if (folder !== undefined) {
        const { verify } = await import("./verify.js");
        process.exitCode = await verify(folder, rest);
      } else {
        const { verifySites } = await import("./verify-sites.js");
        process.exitCode = await verifySites(sites ?? [], rest);
      }
    });
}

function authorityCommand(): Command {
  const command = new Command("authority").description("an authority for certificates of sites, in a folder");
  const days = (count: number) => new Option("--days <n>", "how long it is good").argParser(wholeNumber).default(count);
  command
    .command("create")
    .description("make an authority: ca.pem, which every site trusts, and ca.key.pem, which stays here")
    .argument("<folder>", "e.g. authority")
    .option("--name <name>", "what it is called in the certificates", "Landfall authority")
    .addOption(days(3_650))
    .option("--if-needed", "do nothing where there is one")
    .action(async (folder: string, options) => {
      const { createAuthorityIn } = await import("./authority.js");
      process.exitCode = await createAuthorityIn(folder, options);
    });
  command
    .command("issue")
    .description("issue a certificate for each site: <folder>/<site>/cert.pem and key.pem")
    .argument("<folder>", "the authority's")
    .argument("<site...>", "e.g. tokyo ship-9321483")
    .option("--node <node>", "good for this node of the site alone")
    .addOption(days(365))
    .option("--if-needed", "only where there is none that is good for another month")
    .action(async (folder: string, sites: string[], options) => {
      const { issueCertificates } = await import("./authority.js");
      process.exitCode = await issueCertificates(folder, sites, options);
    });
  command
    .command("revoke")
    .description("put the certificate that a site has now on the list <folder>/revoked.txt")
    .argument("<folder>", "the authority's")
    .argument("<site>", "e.g. ship-9321483")
    .option("--node <node>", "the certificate of this node alone")
    .action(async (folder: string, site: string, options) => {
      const { revokeCertificate } = await import("./authority.js");
      process.exitCode = await revokeCertificate(folder, site, options);
    });
  return command;
}
