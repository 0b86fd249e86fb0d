import { Command, Option } from "commander";
import { wholeNumber, withTarget } from "./target-options.js";

const JSON_HELP = "print what the headquarters answers, as JSON";

/** Loaded when it is asked for: `landfall --help` must not wait. */
const people = () => import("./people.js");

/** `landfall user`: who may come in at a headquarters. */
export function userCommand(): Command {
  const command = new Command("user").description("people of a headquarters: who may come in, and with which groups");
  const sub = (words: string, about: string): Command =>
    withTarget(command.command(words)).description(about).option("--json", JSON_HELP);
  const withWords = (one: Command): Command =>
    one
      .option("--groups <groups>", "separated by commas, e.g. duckworks,port-ausyd")
      .option("--roles <roles>", "separated by commas; admin says who comes in, and rules")
      .option("--display-name <name>", "what they are called");
  sub("list", "everybody").action(async (options) => {
    process.exitCode = await (await people()).listPeople(options);
  });
  withWords(sub("add <name>", "let somebody in; the password is asked for, or read from standard input"))
    .option("--no-password", "a machine: it has tokens alone")
    .action(async (name: string, options) => {
      process.exitCode = await (await people()).addPerson(name, options);
    });
  withWords(sub("set <name>", "change groups, roles or what somebody is called; what is left out stays")).action(
    async (name: string, options) => {
      process.exitCode = await (await people()).setPerson(name, options);
    },
  );
  sub("password <name>", "give another password, asked for or read from standard input; their sessions end").action(
    async (name: string, options) => {
      process.exitCode = await (await people()).setPassword(name, options);
    },
  );
  for (const [word, disabled, about] of [
    ["disable", true, "let somebody in no more: sessions and tokens count no longer"],
    ["enable", false, "let somebody in again"],
  ] as const) {
    sub(`${word} <name>`, about).action(async (name: string, options) => {
      process.exitCode = await (await people()).setDisabled(name, disabled, options);
    });
  }
  sub("see-as <name>", "what somebody sees here, as far as you may see it too; nothing is changed").action(
    async (name: string, options) => {
      process.exitCode = await (await import("./see-as.js")).seeAs(name, options);
    },
  );
  sub("remove <name>", "forget somebody, with their tokens").action(async (name: string, options) => {
    process.exitCode = await (await people()).removePerson(name, options);
  });
  return command;
}

/** `landfall token`: bearer tokens of programs. */
export function tokenCommand(): Command {
  const command = new Command("token").description("bearer tokens of programs, at a headquarters");
  const sub = (words: string, about: string): Command =>
    withTarget(command.command(words)).description(about).option("--json", JSON_HELP);
  sub("list", "tokens that stand: yours, or all for administrators").action(async (options) => {
    process.exitCode = await (await people()).listTokens(options);
  });
  sub("create <user>", "make one that speaks for somebody; it is shown this once")
    .requiredOption("--label <label>", "what it is for")
    .addOption(new Option("--days <n>", "how long it is good, 90 if nothing is said").argParser(wholeNumber))
    .action(async (user: string, options) => {
      process.exitCode = await (await people()).createToken(user, options);
    });
  command
    .command("make")
    .description("make one for the settings of a node, and the hash that stands there; nothing is sent anywhere")
    .action(async () => {
      const { makeToken } = await import("./make-token.js");
      const { token, tokenSha256 } = makeToken();
      process.stdout.write(`token:       ${token}\ntokenSha256: ${tokenSha256}\n`);
    });
  sub("revoke <id>", "make one good for nothing").action(async (id: string, options) => {
    process.exitCode = await (await people()).revokeToken(id, options);
  });
  return command;
}
