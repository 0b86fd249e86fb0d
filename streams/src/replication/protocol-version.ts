import { LandfallError } from "../model/errors.js";

/** Version of the protocol between sites that this library speaks, and the oldest that it still speaks. */
export const PROTOCOL_VERSION = 1;
/** Versions of the last 24 months work together; `streams/test/fixtures/wire` holds frames of each. */
export const PROTOCOL_VERSION_OLDEST = 1;

/**
 * The newest version that both sides speak.
 * @param newest what the peer's hello says; @param oldest likewise, 0 where it speaks that one version alone
 * @throws LandfallError UNSUPPORTED_VERSION
 */
export function commonVersion(site: string, newest: number, oldest: number): number {
  const common = Math.min(newest, PROTOCOL_VERSION);
  if (common >= Math.max(oldest === 0 ? newest : oldest, PROTOCOL_VERSION_OLDEST)) return common;
  const theirs = versions(oldest === 0 ? newest : oldest, newest);
  const ours = versions(PROTOCOL_VERSION_OLDEST, PROTOCOL_VERSION);
  const name = JSON.stringify(site.slice(0, 64));
  throw new LandfallError("UNSUPPORTED_VERSION", `${name} speaks ${theirs} of the protocol, this site ${ours}`);
}

function versions(oldest: number, newest: number): string {
  return oldest === newest ? `version ${newest}` : `versions ${oldest} to ${newest}`;
}
