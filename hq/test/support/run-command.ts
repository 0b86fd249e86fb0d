import { vi } from "vitest";
import type { TestHq } from "./test-hq.js";

type Command = (options: { url: string; token: string; data: string }) => Promise<number>;

/** Runs a command as somebody and returns what it printed, and its exit code. */
export async function runCommand(hq: TestHq, command: Command, as: string): Promise<{ code: number; text: string }> {
  const said: string[] = [];
  const keep = (text: unknown): boolean => said.push(String(text)) > 0;
  const spies = [process.stdout, process.stderr].map((out) => vi.spyOn(out, "write").mockImplementation(keep));
  try {
    const code = await command({ url: hq.url, token: await hq.tokenOf(as), data: "none" });
    return { code, text: said.join("") };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
