// A process that starts a broker and is killed: see kafka.test.ts.
import { dirname } from "node:path";
import { startKafka } from "@landfall/brokers/kafka";

const cluster = await startKafka();
process.send?.({ folder: dirname(cluster.logFile(0)), pid: cluster.pid(0) });
setInterval(() => undefined, 60_000);
