import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from "yaml";
import { isGroup, type Path } from "./settings-schema.js";

/** A parsed settings file that still knows where everything stood. */
export interface YamlSource {
  readonly value: Record<string, unknown>;
  /** Problems with the YAML itself. */
  readonly problems: readonly { readonly at: string; readonly message: string }[];
  /** `file:line:column` of the key at `path`, or of its nearest parent that is there. */
  positionOf(path: Path): string;
  /** A scalar's text as it was written, e.g. `0123`; undefined for anything else. */
  textOf(path: Path): string | undefined;
}

/** @param file only for positions, e.g. `demo/tokyo.yaml` */
export function parseYaml(text: string, file: string): YamlSource {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  const problems = doc.errors.map((error) => ({ at: at(error.pos[0]), message: error.message }));
  let value: unknown = {};
  try {
    value = problems.length === 0 ? (doc.toJS({ maxAliasCount: 100 }) ?? {}) : {};
  } catch (error) {
    problems.push({ at: at(0), message: (error as Error).message });
  }
  if (!isGroup(value)) {
    problems.push({ at: at(0), message: "want keys with values (`site: tokyo`), not a list or a single value" });
    value = {};
  }

  const positionOf = (path: Path): string => {
    for (let n = path.length; n > 0; n--) {
      const parent = n === 1 ? doc.contents : doc.getIn(path.slice(0, n - 1), true);
      if (isMap(parent)) {
        const pair = parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === path[n - 1]);
        if (pair && isNode(pair.key) && pair.key.range) return at(pair.key.range[0]);
      }
      const node = doc.getIn(path.slice(0, n), true);
      if (isNode(node) && node.range) return at(node.range[0]);
    }
    return at(0);
  };
  const textOf = (path: Path): string | undefined => {
    const node = doc.getIn(path, true);
    return isScalar(node) ? node.source : undefined;
  };
  return { value: value as Record<string, unknown>, problems, positionOf, textOf };
}
