import { systemEnv } from "@landfall/streams/env";
import { streamName } from "@landfall/streams/model/names";
import { openEmbeddedStore } from "@landfall/streams/store/embedded-store";
import type { TopicName } from "@landfall/streams/model/names";
import type { TimestampMs } from "@landfall/streams/model/record";
import type { PeerKind } from "./peer.js";

const STREAM = streamName("bigblue.containers");

/** This store, driven as its peers are. */
export const LANDFALL: PeerKind = {
  scenario: "peer-landfall",
  find: () => ({ name: "Landfall" }),
  open: async (folder) => {
    const store = await openEmbeddedStore({ folder, site: "tokyo", node: "a", env: systemEnv });
    return {
      append: async (records) => {
        await store.append(
          STREAM,
          records.map(({ topic, timestamp, value }) => ({
            topic: topic as TopicName,
            timestamp: timestamp as TimestampMs,
            value,
          })),
        );
      },
      settle: () => store.sealNow(),
      history: async (topic, limit) => (await store.readTopic(STREAM, topic as TopicName, { limit })).length,
      bytesOnDisk: () => {
        const { bytesOnDisk, bytesSpare } = store.stats();
        return bytesOnDisk - bytesSpare;
      },
      close: () => store.close(),
    };
  },
};
