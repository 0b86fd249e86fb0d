/** Rows under a head, columns as wide as they must be; a column whose cells are all numbers stands to the right. */
export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const isNumber = head.map((_, i) => rows.every((row) => /^[0-9.,]*( ms| B| kB| MB| GB)?$|^-$/.test(row[i] ?? "")));
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? "").length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join("");
}

const COUNT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

/** `12,345.6` */
export function formatCount(value: number): string {
  return COUNT.format(value);
}

/** `4.2 MB` */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${COUNT.format(value)} ${units[unit] ?? ""}`;
}

/** `3 s`, `5 min`, `2 h`, `4 d` */
export function formatDuration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} d`;
}
