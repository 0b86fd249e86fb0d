export { simulatorCommands } from "./command.js";
