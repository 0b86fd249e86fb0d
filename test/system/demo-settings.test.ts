import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkEdgeSettings, EdgeSettingsSchema } from "@landfall/edge/settings";
import { checkHqSettings, HqSettingsSchema } from "@landfall/hq/settings";
import { COMPOSE } from "@landfall/simulator/demo/compose";
import { DemoFolder } from "@landfall/simulator/demo/folder";
import { ONE_MACHINE, planDemo } from "@landfall/simulator/demo/plan";
import { loadNodeSettings, NodeSettingsSchema } from "@landfall/streams/settings/node-settings-schema";
import { afterEach, describe, expect, it } from "vitest";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** The demo writes its services' settings without knowing their schemas; here the two meet. */
describe.each([
  { name: "on one machine", placement: ONE_MACHINE, ships: 12, kafka: false },
  { name: "on one machine, with Kafka", placement: ONE_MACHINE, ships: 3, kafka: true },
  { name: "in containers", placement: COMPOSE, ships: 4, kafka: true },
])("settings that the demo writes $name", ({ placement, ships, kafka }) => {
  it("are what each service reads", async () => {
    const path = mkdtempSync(join(tmpdir(), "landfall-settings-"));
    folders.push(path);
    const folder = new DemoFolder(path);
    const shape = folder.shape({ ships, wait: true, kafka });
    const secrets = await folder.secrets(shape);
    const plan = planDemo(shape, secrets, placement);
    folder.write(shape, secrets, plan, placement);
    let read = 0;
    for (const { name, command } of plan.services) {
      const warnings: string[] = [];
      const source = {
        file: join(folder.settings, `${name}.yaml`),
        env: {},
        warn: (message: string) => warnings.push(message),
      };
      if (command === "simulate") continue;
      read++;
      const settings =
        command === "edge"
          ? loadNodeSettings(EdgeSettingsSchema, { ...source, check: checkEdgeSettings })
          : command === "hq"
            ? loadNodeSettings(HqSettingsSchema, { ...source, check: checkHqSettings })
            : loadNodeSettings(NodeSettingsSchema, source);
      expect(settings.site).toBe(name);
      const log = kafka && command === "shore" ? { topicPrefix: `${shape.kafka}.${name}.` } : undefined;
      expect(settings.log?.kafka?.topicPrefix).toBe(log?.topicPrefix);
      expect(settings.data).toBe(join(path, name));
      expect(settings.sites).toHaveLength(plan.topology.sites.length);
      expect(warnings).toEqual([]);
    }
    expect(read).toBe(8 + ships);
  });
});
