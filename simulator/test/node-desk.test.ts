import type { SimulationNode } from "@landfall/proto/api";
import { describe, expect, it } from "vitest";
import { NodeDesk, type ParentChannel } from "../src/control/node-desk.js";
import type { NodeAnswer, NodeProblem, NodeRequest } from "../src/control/nodes.js";

/** A demo that supervises nodes: says what it was asked for. */
function supervised(problem?: NodeProblem) {
  const asked: NodeRequest[] = [];
  let listener: (message: unknown) => void = () => undefined;
  const answer = (message: NodeAnswer): void => listener(message);
  const nodes: SimulationNode[] = [{ site: "tokyo", state: "up" }];
  const channel: ParentChannel = {
    send(request) {
      asked.push(request);
      if (request.type === "nodes/watch") answer({ type: "nodes/state", nodes });
      else answer({ type: "nodes/done", id: request.id, ...(problem && { problem }) });
    },
    onMessage: (heard) => (listener = heard),
  };
  return { asked, answer, channel };
}

describe("nodes of the demo", () => {
  it("are known from the supervisor, and killed and started by it", async () => {
    const { asked, answer, channel } = supervised();
    const desk = new NodeDesk(channel);
    expect(desk.nodes).toEqual([{ site: "tokyo", state: "up" }]);
    await desk.kill("tokyo", true);
    answer({ type: "nodes/state", nodes: [{ site: "tokyo", state: "down" }] });
    expect(desk.nodes).toEqual([{ site: "tokyo", state: "down" }]);
    await desk.start("tokyo");
    expect(asked).toEqual([
      { type: "nodes/watch" },
      { type: "nodes/kill", id: 1, site: "tokyo", stay: true },
      { type: "nodes/start", id: 2, site: "tokyo" },
    ]);
  });

  it("what the supervisor cannot do is said in its words", async () => {
    const { channel } = supervised({ code: "NOT_FOUND", message: "no node is called kobe; there are tokyo" });
    await expect(new NodeDesk(channel).kill("kobe", false)).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: "no node is called kobe; there are tokyo",
    });
  });

  it("are none where nobody supervises them", async () => {
    const desk = new NodeDesk(undefined);
    expect(desk.nodes).toBeUndefined();
    await expect(desk.kill("tokyo", false)).rejects.toMatchObject({ code: "CONFLICT" });
    await expect(desk.start("tokyo")).rejects.toMatchObject({ code: "CONFLICT" });
  });
});
