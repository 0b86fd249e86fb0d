import { spawn } from "node:child_process";

/** Opens an address in the person's browser, where somebody sits at a terminal and there is a desktop. */
export function openInBrowser(url: string): void {
  const opener = openerOf(process.platform, process.env);
  if (opener === undefined || !process.stdout.isTTY) return;
  const child = spawn(opener.command, [...opener.args, url], { stdio: "ignore", detached: true });
  // No browser, no harm: the address is on the screen.
  child.on("error", () => undefined);
  child.unref();
}

function openerOf(
  platform: NodeJS.Platform,
  env: NodeJS.ProcessEnv,
): { readonly command: string; readonly args: readonly string[] } | undefined {
  if (platform === "darwin") return { command: "open", args: [] };
  if (platform === "win32") return { command: "rundll32", args: ["url.dll,FileProtocolHandler"] };
  const isRemote = env["SSH_CONNECTION"] !== undefined || env["CI"] !== undefined;
  const hasDesktop = env["DISPLAY"] !== undefined || env["WAYLAND_DISPLAY"] !== undefined;
  return hasDesktop && !isRemote ? { command: "xdg-open", args: [] } : undefined;
}
