import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fetchJars } from "./jars.js";
import { KeptProcess } from "./kept-process.js";

/** The newest of which Maven finds every part. */
export const MIRROR_MAKER = "4.3.1";
const END_MS_MAX = 20_000;

/** MirrorMaker 2 as a process of Java, for benchmarks: ends with the process that started it. */
export class MirrorMaker {
  private constructor(private readonly kept: KeptProcess) {}

  /**
   * @param settings of `connect-mirror-maker.properties`
   * @param folder for them, and for its log
   * @throws BrokersError UNAVAILABLE
   */
  static async start(settings: Readonly<Record<string, string>>, folder: string): Promise<MirrorMaker> {
    const jars = await fetchJars("mirror", MIRROR_MAKER);
    const properties = join(folder, "mirror-maker.properties");
    writeFileSync(
      properties,
      Object.entries(settings)
        .map(([key, value]) => `${key}=${value}\n`)
        .join(""),
    );
    const args = ["-Xmx1g", "-cp", `${join(jars, "*")}${delimiter}`, "-Dlog4j2.level=WARN"];
    const main = "org.apache.kafka.connect.mirror.MirrorMaker";
    const command = { command: "java", args: [...args, main, properties], env: {}, orphaned: [], remove: [] };
    return new MirrorMaker(await KeptProcess.start(command, join(folder, "mirror-maker.log")));
  }

  get isRunning(): boolean {
    return this.kept.isRunning;
  }

  async close(): Promise<void> {
    this.kept.signal("SIGTERM");
    if (!(await this.kept.ended(END_MS_MAX))) this.kept.signal("SIGKILL");
    await this.kept.ended(END_MS_MAX);
  }
}
