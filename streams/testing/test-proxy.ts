import { LinkProxy, type LinkDirection } from "@landfall/proto/link-proxy/link-proxy";
import type { Shape } from "@landfall/proto/link-proxy/shaper";
import { seededRandom, testSeed } from "./seeded-random.js";

/** Long links of tests hold more than those of the demo, so that it is the code under test that bounds what is under way. */
const BUFFER_BYTES_MAX = 256 * 1024 * 1024;

export interface TestProxy {
  readonly port: number;
  /** Bytes that came in so far, from both sides. */
  readonly bytes: number;
  /** Bytes that have gone out to the listener so far. */
  readonly bytesToListener: number;
  /** From now on nothing more comes back to the dialler, or goes to the listener; reading goes on. */
  hold(direction: LinkDirection): void;
  /** Ends every `hold`, for what comes from now on. */
  release(): void;
  /** Destroys all connections; new ones are accepted. */
  cut(): void;
  /** The link of the demo, for whatever else a test does to it. */
  readonly link: LinkProxy;
  close(): Promise<void>;
}

/**
 * A link on loopback, up from the beginning, through the demo's own proxy.
 * @param kbps thousands of bits a second in each direction, for each connection; 0 for as fast as it goes
 */
export async function testProxy(
  targetPort: number,
  oneWayMs: number,
  kbps = 0,
  more: Partial<Shape> & { readonly seed?: number } = {},
): Promise<TestProxy> {
  const { seed = testSeed(1), ...shape } = more;
  const link = new LinkProxy({
    listen: { host: "127.0.0.1", port: 0 },
    target: { host: "127.0.0.1", port: targetPort },
    shape: { latencyMs: oneWayMs, kbps, lossPct: 0, ...shape },
    random: seededRandom(seed),
    bufferBytesMax: BUFFER_BYTES_MAX,
  });
  const port = await link.listen();
  link.setState("up");
  return {
    port,
    link,
    get bytes() {
      return link.bytesIn("to-dialler") + link.bytesIn("to-listener");
    },
    get bytesToListener() {
      return link.bytesOut("to-listener");
    },
    hold: (direction) => link.hold(direction),
    release: () => link.release(),
    cut: () => link.cut(),
    close: () => link.close(),
  };
}
