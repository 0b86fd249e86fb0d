import { newClusterId } from "@landfall/brokers/cluster";
import { expect, test } from "vitest";

test("a cluster's id is none that Kafka's tools take for an option", () => {
  // 0xf8 begins with "-" as base64url has it.
  const drawn = [Buffer.alloc(16, 0xf8), Buffer.alloc(16, 0x01)];
  const id = newClusterId(() => drawn.shift() ?? Buffer.alloc(16));
  expect(drawn).toEqual([]);
  expect(id).toBe("AQEBAQEBAQEBAQEBAQEBAQ");
});
