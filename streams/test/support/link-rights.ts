import type { LinkRights } from "../../src/replication/machine-state.js";

/** Of a link over which everything may cross, both ways. */
export const ALL_RIGHTS: LinkRights = {
  maySend: () => true,
  mayRequest: () => true,
  mayProbe: () => true,
  mayBeProbed: () => true,
  mayAnnounce: () => true,
  mayBelieve: () => true,
  urgency: () => 0,
};
