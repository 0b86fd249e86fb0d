import { expect, it } from "vitest";
import { Room } from "../../src/kafka/room.js";
import { LandfallError } from "../../src/model/errors.js";
import { deferred } from "../../testing/deferred.js";

/** Pieces that say when they begin, and end when they are told to. */
function pieces(room: Room) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const put = (name: string, bytes: number, of = name): Promise<void> => {
    const end = deferred<void>();
    ends.set(name, () => end.resolve());
    return room.with(of, bytes, () => {
      begun.push(name);
      return end.promise;
    });
  };
  return { begun, put, end: (name: string) => ends.get(name)?.() };
}

it("begins at once what there is room for, and the rest in the order in which it came", async () => {
  const room = new Room(100);
  const { begun, put, end } = pieces(room);
  const first = put("first", 60);
  void put("large", 90);
  // It would fit, and does not overtake.
  void put("small", 10);
  expect([begun, room.bytes, room.waitingBytes]).toEqual([["first"], 60, 100]);
  expect([room.isFree(1), room.isFree(0)]).toEqual([false, false]);
  end("first");
  await first;
  expect([begun, room.bytes, room.waitingBytes]).toEqual([["first", "large", "small"], 100, 0]);
});

it("lets in alone what is larger than the room", async () => {
  const room = new Room(100);
  const { begun, put, end } = pieces(room);
  const first = put("first", 1);
  const huge = put("huge", 1_000);
  expect(begun).toEqual(["first"]);
  end("first");
  await first;
  expect(begun).toEqual(["first", "huge"]);
  expect(room.isFree(1)).toBe(false);
  end("huge");
  await huge;
  expect(room.isFree(100)).toBe(true);
});

it("has room again when what was within has failed", async () => {
  const room = new Room(100);
  await expect(room.with("a", 100, () => Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  expect(room.isFree(100)).toBe(true);
});

it("what waits behind something that came to nothing does not begin, and all else does", async () => {
  const room = new Room(100);
  const { begun, put } = pieces(room);
  void put("a1", 100, "a");
  const followers = [put("a2", 100, "a"), put("a3", 10, "a")].map((piece) => expect(piece).rejects.toThrow("refused"));
  void put("b1", 0, "b");
  room.drop("a", new LandfallError("SEQ_GAP", "refused"));
  await Promise.all(followers);
  expect(begun).toEqual(["a1", "b1"]);
});

it("nothing waits or begins when it has ended", async () => {
  const room = new Room(100);
  const { begun, put } = pieces(room);
  void put("within", 100);
  const waits = expect(put("waits", 1)).rejects.toMatchObject({ code: "CLOSED" });
  room.end(new LandfallError("CLOSED", "over"));
  await waits;
  await expect(put("late", 1)).rejects.toMatchObject({ code: "CLOSED" });
  expect(begun).toEqual(["within"]);
});
