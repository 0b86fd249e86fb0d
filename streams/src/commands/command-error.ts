/** What a command says to the person who typed it, instead of a stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** Runs a command's work; a CommandError becomes one line on standard error. @returns the exit code */
export async function withErrors(command: string, work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    process.stderr.write(`landfall ${command}: ${error.message}\n`);
    return 1;
  }
}
