/** Ports that nobody listens on at the moment, and that the system gives to nobody who did not ask for them: fleets start side by side. */
export { freePorts } from "@landfall/brokers/ports";
