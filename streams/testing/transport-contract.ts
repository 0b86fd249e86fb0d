import { afterEach, describe, expect, it } from "vitest";
import type { Frame } from "@landfall/proto/gen/landfall/v1/replication";
import { isLandfallError } from "../src/model/errors.js";
import { deferred } from "./deferred.js";
import type { Channel, Listener, Transport } from "../src/replication/transport.js";

/** How a transport is reached: possibly through something that makes the way worse. */
export interface TransportUnderTest {
  readonly transport: Transport;
  /** Address to listen on. */
  readonly listenAddress: string;
  /** Address under which the listener is dialled. */
  dialAddress(listener: Listener): Promise<string>;
  close(): Promise<void>;
}

const CREDENTIALS = { site: "ship-9321483", token: "open sesame" };

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
      const listener = await under.transport.listen(
        under.listenAddress,
        () => undefined,
        (channel) => accepted.resolve(channel),
      );
      closing.push(() => listener.close());
      const dialler = await under.transport.dial(await under.dialAddress(listener), CREDENTIALS);
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
      dialler.send({ body: { $case: "data", value: { id: 1, firstSeq: 0, count: 1, block } } });
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

    it("refuses a dialler that is not admitted", async () => {
      const under = await open();
      closing.push(() => under.close());
      const seen: string[] = [];
      const listener = await under.transport.listen(
        under.listenAddress,
        ({ site, token }) => {
          seen.push(`${site} ${token}`);
          return "not you";
        },
        () => seen.push("accepted"),
      );
      closing.push(() => listener.close());
      const channel = await under.transport.dial(await under.dialAddress(listener), CREDENTIALS);
      const closed = deferred<string>();
      channel.onClose = closed.resolve;
      const reason = await closed.promise;
      expect(reason).toContain("not you");
      expect(seen).toEqual(["ship-9321483 open sesame"]);
    });

    it("says that nobody answers", async () => {
      const under = await open();
      closing.push(() => under.close());
      const listener = await under.transport.listen(
        under.listenAddress,
        () => undefined,
        () => undefined,
      );
      const address = await under.dialAddress(listener);
      await listener.close();
      const closed = deferred<string>();
      try {
        const channel = await under.transport.dial(address, CREDENTIALS);
        // Something between may have answered: then the channel closes by itself.
        channel.onClose = () => closed.resolve("closed");
      } catch (error) {
        closed.resolve(isLandfallError(error, "PROTOCOL_ERROR") ? "closed" : String(error));
      }
      expect(await closed.promise).toBe("closed");
    });
  });
}
