/** Bounds of the simulator, each with its unit last and its reason. */

/** One step of the world. Small enough that a docking at 1× is noticed within seconds. */
export const TICK_MS = 10_000;
/** How often a container reports, from its own phase on. */
export const REPORT_INTERVAL_MS = 15 * 60_000;
/** How often a ship reports its position, and looks at the weather that slows it. */
export const POSITION_INTERVAL_MS = 10 * 60_000;
/** How often a ship reports the weather on board. */
export const ENVIRONMENT_INTERVAL_MS = 60 * 60_000;

/** The voyage needs a ship for the ducks, one that lands first and one on the Pacific. */
export const SHIPS_MIN = 3;
/** One broker port and one process each; also the number of names and IMO numbers at hand. */
export const SHIPS_MAX = 12;
/** Below, some cargo of the story would have no box at all. */
export const CONTAINERS_MIN = 40;
/** Each is stepped on one core at up to thousandfold pace. */
export const CONTAINERS_MAX = 5_000;

/** Readings a sensor keeps while no gateway is in reach: four weeks of them; then the oldest make room. */
export const LOGGED_READINGS_MAX = 2_688;
/** Sentences of the voyage that the state remembers. */
export const STORY_LINES_MAX = 60;
/** Storms alive at one time, scripted ones included. */
export const STORMS_MAX = 16;

/** Messages of one broker that wait for it, as the sensors' gateways buffer them: about 40 MB. */
export const OUTBOX_MESSAGES_MAX = 150_000;
/** While a broker that is there has more waiting than this, the simulated clock waits for it. */
export const OUTBOX_HOLD_CLOCK = 4_000;
/** PUBLISHes on one connection without PUBACK: bounds what a broken connection makes us send again. */
export const GATEWAY_IN_FLIGHT_MAX = 256;
/** Connections to one broker. */
export const GATEWAYS_PER_BROKER = 3;
/** First and last wait before a gateway dials again. */
export const GATEWAY_RETRY_MS_MIN = 250;
export const GATEWAY_RETRY_MS_MAX = 5_000;
/** A broker that does not answer CONNECT or PUBLISH within this is dialled anew. */
export const GATEWAY_ANSWER_MS_MAX = 20_000;

/** Ten minutes one way: beyond this a link is better cut. */
export const LINK_LATENCY_MS_MAX = 60_000;
/** Of one piece against the next; more is a different link. */
export const LINK_JITTER_MS_MAX = 10_000;
/** Beyond this nothing gets anywhere; a link that is half-open shows that better. */
export const LINK_LOSS_PCT_MAX = 50;
/** 100 Gbit/s. */
export const LINK_KBPS_MAX = 100_000_000;

export { OVERBOARD_MAX } from "@landfall/proto/bounds";

/** What the demo's supervisor is asked for is done at once, or it is not there. */
export const SUPERVISOR_ANSWER_MS_MAX = 2_000;

/** Commands between two snapshots. */
export const JOURNAL_ENTRIES_MAX = 10_000;
/** Pace: simulated seconds in one. */
export const SPEED_MIN = 1;
export const SPEED_MAX = 20_000;
