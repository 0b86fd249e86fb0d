import { PLACES } from "@landfall/proto/identifiers";
import type { Position } from "../geo/great-circle.js";
import { WORLD_CHAINS, WORLD_SEA } from "./world-lanes.js";

/**
 * The sea lanes as a net of waypoints; a ship between two of them sails their great circle. The test proves
 * against land polygons that no lane crosses land, except for the last miles at the quays, rivers to them, and canals.
 */

/** Waypoints, named after what lies abeam. */
const SEA: Readonly<Record<string, Position>> = {
  // Tokyo Bay and the way out of it
  "tokyo-bay": [139.82, 35.5],
  uraga: [139.75, 35.22],
  tsurugi: [139.7, 35.05],
  sagami: [139.25, 34.88],
  irozaki: [138.75, 34.42],
  nojima: [139.72, 34.72],
  boso: [141.1, 34.9],
  // South of Japan, Luzon Strait, South China Sea
  shikoku: [135.5, 32.3],
  nansei: [130.8, 28.4],
  okinawa: [128.9, 26.0],
  bashi: [121.4, 21.2],
  luzon: [119.2, 19.0],
  spratly: [113.5, 12.5],
  natuna: [108.2, 5.8],
  anambas: [105.0, 3.6],
  horsburgh: [104.55, 1.45],
  "singapore-strait": [104.05, 1.24],
  // Karimata, Java Sea, Lombok Strait, Timor Sea, Torres Strait
  lingga: [105.6, 0.5],
  karimata: [108.6, -1.9],
  "java-sea-west": [110.2, -4.2],
  "java-sea-east": [114.6, -6.1],
  "lombok-north": [115.85, -8.0],
  "lombok-south": [115.72, -8.95],
  sumba: [118.6, -10.7],
  roti: [122.6, -11.7],
  "timor-sea": [129.2, -10.5],
  wessel: [135.8, -10.2],
  "torres-west": [141.4, -10.4],
  "prince-of-wales": [142.2, -10.45],
  "torres-east": [142.9, -10.2],
  bramble: [144.3, -9.5],
  // Coral Sea and down the coast of New South Wales
  "coral-sea-north": [147.5, -11.8],
  "coral-sea": [153.4, -18.5],
  fraser: [154.4, -25.0],
  byron: [154.2, -29.0],
  "port-stephens": [152.9, -32.6],
  "sydney-approach": [151.45, -34.0],
  // Tokyo to Sydney, east of New Ireland and of the Louisiades
  ogasawara: [145.2, 28.0],
  mariana: [149.0, 15.0],
  chuuk: [153.4, 6.0],
  "new-ireland": [154.0, -3.6],
  "solomon-sea": [153.9, -7.0],
  louisiade: [155.3, -11.6],
  "coral-sea-east": [155.3, -18.0],
  // North Pacific, across 180°
  kuroshio: [150.0, 39.5],
  "date-line-north": [-178.0, 47.0],
  "alaska-gyre": [-140.0, 42.5],
  conception: [-121.2, 34.35],
  "santa-barbara": [-119.95, 34.25],
  anacapa: [-119.25, 34.08],
  "palos-verdes": [-118.55, 33.72],
  "san-pedro": [-118.24, 33.62],
  // South Pacific, across 180°
  norfolk: [166.0, -30.3],
  kermadec: [-179.0, -26.0],
  niue: [-168.3, -17.2],
  line: [-154.0, -1.5],
  clarion: [-135.0, 19.0],
  "san-nicolas": [-121.0, 33.2],
};

const QUAYS: Readonly<Record<string, Position>> = Object.fromEntries(
  PLACES.map((place): [string, Position] => [place.locode, [place.longitude, place.latitude]]),
);

/** Chains of waypoints; each neighbouring pair is a lane in both directions. */
const CHAINS: readonly (readonly string[])[] = [
  ["JPTYO", "tokyo-bay", "uraga", "tsurugi", "sagami", "irozaki", "shikoku", "nansei", "okinawa", "bashi", "luzon"],
  ["luzon", "spratly", "natuna", "anambas", "horsburgh", "singapore-strait", "SGSIN"],
  ["horsburgh", "lingga", "karimata", "java-sea-west", "java-sea-east", "lombok-north", "lombok-south", "sumba"],
  ["sumba", "roti", "timor-sea", "wessel", "torres-west", "prince-of-wales", "torres-east", "bramble"],
  ["bramble", "coral-sea-north", "coral-sea", "fraser", "byron", "port-stephens", "sydney-approach", "AUSYD"],
  ["tsurugi", "nojima", "boso", "kuroshio", "date-line-north", "alaska-gyre", "conception", "santa-barbara"],
  ["santa-barbara", "anacapa", "palos-verdes", "san-pedro", "USLAX"],
  ["boso", "shikoku"],
  ["nojima", "ogasawara", "mariana", "chuuk", "new-ireland", "solomon-sea", "louisiade", "coral-sea-east", "fraser"],
  ["sydney-approach", "norfolk", "kermadec", "niue", "line", "clarion", "san-nicolas", "palos-verdes"],
];

export interface LaneNetwork {
  readonly nodes: ReadonlyMap<string, Position>;
  /** Neighbours of each waypoint. */
  readonly neighbours: ReadonlyMap<string, readonly string[]>;
}

export const LANES: LaneNetwork = build();

function build(): LaneNetwork {
  const nodes = new Map<string, Position>([
    ...Object.entries(SEA),
    ...Object.entries(WORLD_SEA),
    ...Object.entries(QUAYS),
  ]);
  const neighbours = new Map<string, string[]>();
  const join = (from: string, to: string): void => {
    if (!nodes.has(from)) throw new Error(`sea lanes: no waypoint is called ${from}`);
    const list = neighbours.get(from) ?? [];
    list.push(to);
    neighbours.set(from, list);
  };
  for (const chain of [...CHAINS, ...WORLD_CHAINS]) {
    for (let i = 1; i < chain.length; i++) {
      const a = chain[i - 1];
      const b = chain[i];
      if (a === undefined || b === undefined) continue;
      join(a, b);
      join(b, a);
    }
  }
  return { nodes, neighbours };
}
