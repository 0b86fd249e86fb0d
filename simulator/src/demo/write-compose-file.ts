import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { COMPOSE, composeText } from "./compose.js";
import { defaultShape } from "./folder.js";
import { planDemo } from "./plan.js";
import { ROOT } from "./root.js";
import { placeholderSecrets } from "./secrets.js";

/** Writes docker-compose.yml at the top of the checkout. */
const shape = defaultShape();
writeFileSync(join(ROOT, "docker-compose.yml"), composeText(planDemo(shape, placeholderSecrets(shape), COMPOSE)));
