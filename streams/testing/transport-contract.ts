import { afterEach, describe, expect, it } from "vitest";
import type { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import { LandfallError } from "../src/model/errors.js";
import { acceptAll } from "./accept-all.js";
import { deferred } from "./deferred.js";
import type { Channel, Listener, Transport } from "../src/replication/transport.js";

/** How a transport is reached: possibly through something that makes the way worse. */
export interface TransportUnderTest {
  /** The listening side's, and the dialling side's. */
  readonly listening: Transport;
  readonly dialling: Transport;
  /** Address to listen on. */
  readonly listenAddress: string;
  /** Address under which the listener is dialled. */
  dialAddress(listener: Listener): Promise<string>;
  close(): Promise<void>;
}

/** The site that listens, and the one that dials it. */
export const LISTENING_SITE = "tokyo";
export const DIALLING_SITE = "ship-9321483";
const CREDENTIALS = { site: DIALLING_SITE, token: "open sesame" };

const ping = (token: number): Frame => ({ body: { $case: "ping", value: { token } } });

/** Every transport must pass this: frames in order, once; closing is noticed by both; strangers are refused. */
export function describeTransportContract(name: string, open: () => Promise<TransportUnderTest>): void {
  describe(`transport contract: ${name}`, () => {
    const closing: (() => Promise<void>)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0).reverse()) await close();
    });

    async function connected(): Promise<{ dialler: Channel; acceptor: Channel; under: TransportUnderTest }> {
      const under = await open();
      closing.push(() => under.close());
      const accepted = deferred<Channel>();
      const listener = await under.listening.listen(under.listenAddress, acceptAll(accepted.resolve));
      closing.push(() => listener.close());
      const dialler = await under.dialling.dial(await under.dialAddress(listener), LISTENING_SITE, CREDENTIALS);
      return { dialler, acceptor: await accepted.promise, under };
    }

    it("carries frames both ways, in order, once", async () => {
      const { dialler, acceptor } = await connected();
      const count = 500;
      const got: number[] = [];
      const all = deferred<void>();
      acceptor.onFrame = (frame) => acceptor.send(frame);
      dialler.onFrame = (frame) => {
        if (frame.body?.$case === "ping") got.push(frame.body.value.token);
        if (got.length === count) all.resolve();
      };
      for (let i = 0; i < count; i++) dialler.send(ping(i));
      await all.promise;
      expect(got).toEqual(Array.from({ length: count }, (_, i) => i));
    });

    it("carries a block of a megabyte byte for byte", async () => {
      const { dialler, acceptor } = await connected();
      const block = Uint8Array.from({ length: 1024 * 1024 }, (_, i) => (i * 31) & 0xff);
      const got = deferred<Uint8Array>();
      acceptor.onFrame = (frame) => {
        if (frame.body?.$case === "data") got.resolve(frame.body.value.block);
      };
      dialler.send({ body: { $case: "data", value: { id: 1, firstSeq: 0, count: 1, block, rawBytes: 0 } } });
      expect(Buffer.compare(await got.promise, block)).toBe(0);
    });

    it("tells both sides, once, when one closes", async () => {
      const { dialler, acceptor } = await connected();
      const reasons: string[] = [];
      const both = deferred<void>();
      const closed = (side: string) => () => {
        reasons.push(side);
        if (reasons.length === 2) both.resolve();
      };
      dialler.onClose = closed("dialler");
      acceptor.onClose = closed("acceptor");
      dialler.close("done");
      dialler.close("done again");
      await both.promise;
      expect(reasons.toSorted()).toEqual(["acceptor", "dialler"]);
      dialler.send(ping(1)); // On a closed channel: nothing happens.
    });

    it("tells also whoever listens only after it was closed", async () => {
      const { dialler, acceptor } = await connected();
      const closed = deferred<LandfallError>();
      dialler.onClose = closed.resolve;
      acceptor.close("done");
      await closed.promise;
      const late = deferred<LandfallError>();
      dialler.onClose = late.resolve;
      expect((await late.promise).code).toBe("CLOSED");
    });

    it("refuses a dialler that is not admitted", async () => {
      const under = await open();
      closing.push(() => under.close());
      const seen: string[] = [];
      const listener = await under.listening.listen(under.listenAddress, {
        admit({ site }) {
          seen.push(site);
          return new LandfallError("UNAUTHENTICATED", "not you");
        },
        accept: () => seen.push("accepted"),
        turnedAway: () => seen.push("turned away"),
      });
      closing.push(() => listener.close());
      const address = await under.dialAddress(listener);
      const error = await under.dialling.dial(address, LISTENING_SITE, CREDENTIALS).catch((why: unknown) => why);
      expect(error).toMatchObject({ code: "UNAUTHENTICATED", message: expect.stringContaining("not you") as string });
      expect(seen).toEqual([DIALLING_SITE]);
    });

    it("tells the dialler why the listener closed", async () => {
      const { dialler, acceptor } = await connected();
      const closed = deferred<LandfallError>();
      dialler.onClose = closed.resolve;
      acceptor.close("we speak another version", "UNSUPPORTED_VERSION");
      const why = await closed.promise;
      expect(why).toMatchObject({
        code: "UNSUPPORTED_VERSION",
        message: expect.stringContaining("another version") as string,
      });
    });

    it("says that nobody answers", async () => {
      const under = await open();
      closing.push(() => under.close());
      const listener = await under.listening.listen(
        under.listenAddress,
        acceptAll(() => undefined),
      );
      const address = await under.dialAddress(listener);
      await listener.close();
      await expect(under.dialling.dial(address, LISTENING_SITE, CREDENTIALS)).rejects.toMatchObject({
        code: "UNAVAILABLE",
      });
    });
  });
}
