import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CommandError } from "./command-error.js";

/** A node to talk to. */
export interface Target {
  /** What people call it: its site, or its address. */
  readonly label: string;
  readonly url: string;
  readonly token?: string;
}

export interface TargetOptions {
  readonly url?: string;
  readonly token?: string;
  readonly site?: string;
  /** Folder in which the demo leaves `access.json`. */
  readonly data: string;
}

/** What the demo writes to `access.json`. */
interface AccessFile {
  readonly nodes: readonly { readonly site: string; readonly url: string; readonly token?: string }[];
}

/** Nodes that the options name; all of the demo's when they name none. @throws CommandError */
export function findTargets({ url, token, site, data }: TargetOptions): Target[] {
  if (url !== undefined) {
    if (!/^https?:\/\//.test(url)) throw new CommandError(`--url ${url} is not an address like http://127.0.0.1:8101`);
    return [{ label: url, url: url.replace(/\/+$/, ""), ...(token !== undefined && { token }) }];
  }
  const nodes = readAccessFile(join(data, "access.json")).map((node) => ({
    label: node.site,
    url: node.url.replace(/\/+$/, ""),
    ...((token ?? node.token) !== undefined && { token: token ?? node.token }),
  })) as Target[];
  if (site === undefined) return nodes;
  const found = nodes.filter(({ label }) => label === site);
  if (found.length === 0) {
    throw new CommandError(`the demo has no site ${site}, only ${nodes.map(({ label }) => label).join(", ")}`);
  }
  return found;
}

/** The one node that the options name. @throws CommandError */
export function oneTarget(options: TargetOptions): Target {
  const [target, ...others] = findTargets(options);
  if (target && others.length === 0) return target;
  const sites = [target, ...others].map((other) => other?.label).join(", ");
  throw new CommandError(`which site? Say --site with one of ${sites}`);
}

/** The node of a site, or at an address. @throws CommandError */
export function findTarget(name: string, options: Pick<TargetOptions, "token" | "data">): Target {
  const isUrl = /^https?:\/\//.test(name);
  const [target] = findTargets({ ...options, ...(isUrl ? { url: name } : { site: name }) });
  if (target === undefined) throw new CommandError(`there is no node of ${name}`);
  return target;
}

function readAccessFile(file: string): AccessFile["nodes"] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    throw new CommandError(`no demo here (there is no ${file}): name a node with --url, or the folder with --data`);
  }
  try {
    const { nodes } = JSON.parse(text) as Partial<AccessFile>;
    if (Array.isArray(nodes) && nodes.every((node) => typeof node?.site === "string" && typeof node.url === "string")) {
      return nodes;
    }
  } catch {
    // Said below: not JSON and not of this shape come to the same.
  }
  throw new CommandError(`${file} is not what the demo writes there: start the demo again`);
}
