import { LinkProxy } from "@landfall/proto/link-proxy/link-proxy";
import type { Shape } from "@landfall/proto/link-proxy/shaper";
import { seededRandom, testSeed } from "@landfall/streams/testing/seeded-random";

/** A link that the test cuts and restores: cut means connections destroyed and new ones refused. */
export interface LinkSwitch {
  readonly port: number;
  /** Bytes that went through, both ways. */
  readonly bytes: number;
  cut(): void;
  restore(): void;
  /** Connections stay and are accepted, and every byte is swallowed. */
  halfOpen(): void;
  /** Thousands of bits a second from now on, in each direction: 0 for as fast as it goes; without a number, as in the beginning. */
  throttle(kbps?: number): void;
  close(): Promise<void>;
}

export async function openSwitch(
  targetPort: number,
  up: boolean,
  shape: Partial<Shape> = {},
  seed = testSeed(1),
): Promise<LinkSwitch> {
  const host = "127.0.0.1";
  const line = { latencyMs: 0, kbps: 0, lossPct: 0, ...shape };
  const link = new LinkProxy({
    listen: { host, port: 0 },
    target: { host, port: targetPort },
    shape: line,
    random: seededRandom(seed),
  });
  const port = await link.listen();
  link.setState(up ? "up" : "down");
  return {
    port,
    get bytes() {
      return link.bytes;
    },
    cut: () => link.setState("down"),
    restore: () => link.setState("up"),
    halfOpen: () => link.setState("half-open"),
    throttle: (kbps = line.kbps) => link.setShape({ ...line, kbps }),
    close: () => link.close(),
  };
}
