/**
 * Ports that nobody listens on at the moment, and that the system gives to nobody who did not ask for them: for what listens later,
 * or again. Here, because an edge and a headquarters may import no brokers.
 */
export { freePort, freePorts } from "@landfall/brokers/ports";
