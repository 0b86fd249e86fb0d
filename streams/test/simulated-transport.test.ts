import { SimulatedNetwork, SimulatedRoute } from "../testing/simulated-transport.js";
import { seededRandom } from "../testing/seeded-random.js";
import { DIALLING_SITE, LISTENING_SITE, describeTransportContract } from "../testing/transport-contract.js";
import { VirtualTime } from "../testing/virtual-time.js";

describeTransportContract("simulated", async () => {
  const time = new VirtualTime();
  const network = new SimulatedNetwork(time, seededRandom(1));
  network.routes.set("line", new SimulatedRoute("line", 5, 10_000));
  const test = { isOver: false };
  // Virtual time passes as long as the test is at it.
  const pass = async (): Promise<void> => {
    while (!test.isOver) await time.runThrough(time.now + 10);
  };
  const passing = pass();
  return {
    listening: network.transportFor(LISTENING_SITE).transport,
    dialling: network.transportFor(DIALLING_SITE).transport,
    listenAddress: "127.0.0.1:0",
    dialAddress: async () => `${LISTENING_SITE}/line`,
    close: async () => {
      test.isOver = true;
      await passing;
    },
  };
});
