/** Runs a command; errors of ours are one message without a stack. */
export async function orSay(name: string, work: () => Promise<void>): Promise<void> {
  const { SimulatorError } = await import("./errors.js");
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SimulatorError)) throw error;
    process.stderr.write(`${name}: ${error.message} (${error.code})\n`);
    process.exitCode = 1;
  }
}
