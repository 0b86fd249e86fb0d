import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMPOSE, composeText } from "./compose.js";
import { defaultShape } from "./folder.js";
import { planDemo } from "./plan.js";
import { ROOT } from "./root.js";
import { placeholderSecrets } from "./secrets.js";

/** Writes docker-compose.yml at the top of the checkout. */
// The name of the voyage is in no command: the settings have it.
const shape = { ...defaultShape(), kafka: "voyage" };
writeFileSync(join(ROOT, "docker-compose.yml"), composeText(planDemo(shape, placeholderSecrets(shape), COMPOSE)));
