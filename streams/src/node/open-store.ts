import type { LandfallError } from "../model/errors.js";
import { openKafkaStore } from "../kafka/open-kafka-store.js";
import type { StreamName } from "../model/names.js";
import type { NodeSettings } from "../settings/node-settings.js";
import { openEmbeddedStore, type EmbeddedStoreOptions } from "../store/embedded-store.js";
import type { LocalStore } from "../store/store.js";

export interface OpenedStore {
  readonly store: LocalStore;
  /** Resolves when the store writes no more, whatever is tried. */
  readonly failed: Promise<LandfallError>;
  /** What is not safe although it works, in words. */
  readonly warning: () => string | undefined;
}

type Given = Pick<EmbeddedStoreOptions, "env" | "log" | "retention" | "handedOver" | "mayAppend"> & {
  /** Something in the site's Kafka was passed over. */
  readonly onRefused: (code: string, message: string) => void;
  /** Whether all rules of how long the stream is kept have been read. */
  readonly isRetentionKnown: (stream: StreamName) => boolean;
};

/**
 * The store of a node: in its folder alone, or following the site's Kafka.
 * @throws LandfallError as `openEmbeddedStore` and `openKafkaStore`
 */
export async function openStore(settings: NodeSettings, given: Given): Promise<OpenedStore> {
  const { site, node, data, slot, diskPercentMax } = settings;
  const { onRefused, isRetentionKnown, ...rest } = given;
  const options = { ...rest, folder: data, site, node, ...(slot !== undefined && { slot }), diskPercentMax };
  const kafka = settings.log?.kafka;
  if (kafka === undefined) {
    // What fails for good there shows in `stats().failed`: reading goes on.
    const never = new Promise<LandfallError>(() => undefined);
    return { store: await openEmbeddedStore(options), failed: never, warning: () => undefined };
  }
  let fail: (error: LandfallError) => void = () => undefined;
  const failed = new Promise<LandfallError>((resolve) => (fail = resolve));
  const store = await openKafkaStore({
    ...options,
    kafka,
    onRefused,
    isRetentionKnown,
    onFatal: (error) => fail(error),
  });
  return { store, failed, warning: () => store.warning };
}
