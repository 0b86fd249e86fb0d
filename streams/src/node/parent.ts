/**
 * Calls `dies` once the program that started this one is gone, so that it leaves no orphan: when there is an IPC
 * channel, or when `LANDFALL_EXIT_WITH_PARENT=1` and standard input, a pipe from the parent, ends.
 */
export function whenParentDies(dies: () => void): void {
  if (process.channel) {
    process.once("disconnect", dies);
    // The channel alone must not keep the process, nor must it be without a listener.
    process.channel.unref();
  }
  if (process.env["LANDFALL_EXIT_WITH_PARENT"] === "1") {
    process.stdin.once("end", dies).once("close", dies).once("error", dies);
    process.stdin.resume();
  }
}
