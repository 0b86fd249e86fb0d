export { hqCommand } from "./command.js";
export { createHq, type Hq, type HqOptions } from "./hq.js";
