import type { SimulationLink, SimulationState } from "@landfall/proto/api";

/** What a control did, for the terminal: the link as it is now, the nodes, or the ships. */
export function outcome(answer: unknown, command = ""): string {
  if (isLink(answer)) {
    const reach = answer.outOfReach ? " (the ship is out of reach)" : "";
    const kbps = answer.kbps === 0 ? "unlimited" : `${answer.kbps} kbit/s`;
    return `${answer.id} is ${answer.state}${reach}, ${answer.latencyMs} ms one way, ${kbps}`;
  }
  const { ships, nodes = [], story } = answer as SimulationState;
  if (command === "kill" || command === "revive") return nodes.map(({ site, state }) => `${site}: ${state}`).join("\n");
  if (command === "overboard") return story.at(-1)?.text ?? "";
  return ships
    .map(({ imo, name, phase, port, eta }) => {
      const where = phase === "docked" ? `in ${port}` : `sails to ${port}${eta === undefined ? "" : `, due ${eta}`}`;
      return `${imo} ${name}: ${where}`;
    })
    .join("\n");
}

function isLink(answer: unknown): answer is SimulationLink {
  return typeof answer === "object" && answer !== null && "outOfReach" in answer;
}
