export { edgeCommand } from "./command.js";
export { createEdgeNode, type EdgeNode } from "./edge-node.js";
export { EdgeSettingsSchema, type EdgeSettings } from "./settings.js";
