import { streamName } from "../src/model/names.js";
import { DIGEST_NAME } from "../src/store/record-digest.js";
import { digestsHere, repairHere } from "../src/verify/here.js";
import type { LocalStore } from "../src/store/store.js";
import type { SiteView } from "../src/verify/site-view.js";

/** A store as another site would be compared with it: it wants everything, and may be told of everything. */
export function storeView(store: LocalStore, site: string, compact = false): SiteView {
  return {
    holdings: async ({ streams = store.streams() }) => ({
      site,
      node: "a",
      digest: DIGEST_NAME,
      streams: streams.map((stream) => {
        const origins = store.holdings(streamName(stream));
        return { stream, wanted: true, replicates: true, compact, origins };
      }),
    }),
    digests: (request) => digestsHere(store, request),
    repair: (request) => repairHere(store, request),
  };
}
