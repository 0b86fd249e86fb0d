import { seededRandom } from "@landfall/streams/testing/seeded-random";
import { startMesh, type MeshLink } from "../support/mesh.js";
import { MeshCheck } from "../support/mesh-check.js";
import { MeshLoad } from "../support/mesh-load.js";
import { MeshTrouble } from "../support/mesh-trouble.js";
import { runSoak } from "./arguments.js";

/** Troubles in a row before everything is healed and compared: about a minute. */
const ROUND_TROUBLES = 25;
/** Between two readings of one site: some hundred records a second in all, which two cores keep up for hours. */
const PAUSE_MS = 4;
/** Lines of what is wrong that are printed. */
const LINES_MAX = 20;

/** `npm run soak`: a mesh of four sites under load with kills and cuts, for as long as asked. Exit code 1 on any loss or double. */
async function soak(minutes: number, seed: number): Promise<boolean> {
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  say(`seed ${seed}: npm run soak -- --minutes ${minutes} --seed ${seed}`);
  const mesh = await startMesh(seed);
  const check = new MeshCheck(mesh);
  const random = seededRandom(seed);
  // However long the processes took to start: time is time under load.
  const started = performance.now();
  const end = started + minutes * 60_000;
  // The numbers of the readings go on from round to round.
  const load = new MeshLoad(mesh, PAUSE_MS);
  const trouble = new MeshTrouble(mesh, load, random, (what) => say(`  ${clock(started)} ${what}`));
  let isGood = true;
  try {
    for (let round = 1; isGood && performance.now() < end; round++) {
      for (let i = 0; i < ROUND_TROUBLES && performance.now() < end; i++) await trouble.next();
      await trouble.killInTransfer(mesh.links[round % mesh.links.length] as MeshLink);
      trouble.heal();
      await load.pause();
      const verdict = await check.verify(load.published);
      const wrong = [
        ...verdict.lost.map((line) => `lost: ${line}`),
        ...verdict.doubled.map((line) => `double: ${line}`),
        ...verdict.different.map((site) => `${site} differs from ${mesh.sites[0]?.service.name}`),
      ];
      isGood = wrong.length === 0 && verdict.receivedTwice === 0;
      say(
        `${clock(started)} round ${round}: ${load.acknowledged} of ${load.total} acknowledged, ` +
          `${wrong.length === 0 ? "all of them once at each of 4 sites, the same everywhere" : `${wrong.length} WRONG`}; ` +
          `received twice by processes that still run: ${verdict.receivedTwice} of ${verdict.received}`,
      );
      for (const line of wrong.slice(0, LINES_MAX)) say(`  ${line}`);
      load.resume();
    }
    const done = Object.entries(trouble.done).map(([what, times]) => `${times} × ${what}`);
    say(`${clock(started)} ${isGood ? "GOOD" : "BAD"}: ${done.join(", ")}`);
    return isGood;
  } catch (error) {
    say(`${clock(started)} BAD (seed ${seed}, logs in ${mesh.folder} with LANDFALL_KEEP=1): ${String(error)}`);
    const { lost, doubled } = await check.verify(load.published);
    for (const line of [...lost, ...doubled].slice(0, LINES_MAX)) say(`  not there, or twice: ${line}`);
    return false;
  } finally {
    await load.close();
    await mesh.close();
  }
}

function clock(startedMs: number): string {
  const seconds = Math.floor((performance.now() - startedMs) / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
}

await runSoak(soak);
