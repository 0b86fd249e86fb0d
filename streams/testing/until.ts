/** Waits until `check` holds: for states that the network brings about. The test's own timeout bounds it. */
export async function until(check: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await check())) {
    await new Promise<void>((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}
