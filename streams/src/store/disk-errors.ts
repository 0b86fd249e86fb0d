import { LandfallError } from "../model/errors.js";
import { systemCode } from "./system-code.js";

const FULL = new Set(["ENOSPC", "EDQUOT"]);

/** What a failed write means: DISK_FULL can pass, DISK_FAILED cannot. */
export function writeError(cause: unknown, path: string): LandfallError {
  if (cause instanceof LandfallError) return cause;
  const code = systemCode(cause);
  if (code !== undefined && FULL.has(code)) {
    return new LandfallError("DISK_FULL", `no space left for ${path} (${code}): free some, then writing goes on`, {
      cause,
    });
  }
  return new LandfallError("DISK_FAILED", `cannot write ${path}: ${said(cause)}`, { cause });
}

/**
 * A failed fsync is never tried again: the system may have dropped the pages and would report success for data
 * that is not on disk.
 */
export function syncError(cause: unknown, path: string): LandfallError {
  return new LandfallError(
    "DISK_FAILED",
    `the disk did not confirm what was written to ${path}: ${said(cause)}; nothing more is accepted, check the disk and restart`,
    { cause },
  );
}

export function readError(cause: unknown, path: string): LandfallError {
  if (cause instanceof LandfallError) return cause;
  return new LandfallError("DISK_FAILED", `cannot read ${path}: ${said(cause)}`, { cause });
}

function said(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
