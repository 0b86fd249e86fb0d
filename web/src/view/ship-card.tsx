import type { ShipState } from "@landfall/proto/api";
import { OVERBOARD_MAX } from "@landfall/proto/bounds";
import { DEMO_PLACES } from "@landfall/proto/identifiers";
import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";
import { arrive, commandKey, depart, overboard } from "../effects/voyage.js";
import { berthOf, contactsByClass, isStale, portName } from "../fleet-model.js";
import { formatCount, formatCourse, formatPosition, plural, withUnit } from "../format/quantities.js";
import { CLASS_WORDS } from "../words.js";
import { valueOf } from "../state/remote.js";
import { HistoryEvents } from "./history-events.js";
import { ShipMark } from "./marks.js";
import { MissingList } from "./missing-list.js";
import { Ago, CommandFailure, Fact, Phase, Section } from "./parts.js";
import { ContainerRow } from "./rows.js";
import { Contact } from "./sites-tab.js";
import { useAppState, useFleetTick, useQuantity, useUi } from "./ui.js";

export function ShipCard({ imo, timeline }: { imo: string; timeline: ComponentChildren }): JSX.Element {
  const { loading } = useUi();
  const shown = useQuantity();
  const remote = useAppState((state) => state.ships);
  const ship = valueOf(remote)?.[imo];
  const notAshore = useAppState((state) => valueOf(state.sites)?.sites.find((site) => site.imo === imo)?.notAshore);
  const stale = useFleetTick((nowMs) => ship !== undefined && isStale(ship, nowMs));
  if (!ship) {
    return remote.phase === "ready" ? (
      <p class="phase">There is no ship with IMO number {imo} that you may see.</p>
    ) : (
      <Phase remote={remote} what="The ship" onRetry={() => loading.everything()} />
    );
  }
  const berth = berthOf(ship);
  return (
    <article class="card">
      <h2 class="card-title">{ship.name}</h2>
      <p class="state">
        <ShipMark outlined={ship.lastLink === "satellite" && berth === undefined} />
        <strong>{berth === undefined ? "At sea" : `In port, ${portName(berth)}`}</strong>
        <span class="soft">IMO {ship.imo}</span>
      </p>
      <VoyageControls ship={ship} />
      <dl class="facts">
        {ship.nextPort !== undefined && <Fact name="Next port">{portName(ship.nextPort)}</Fact>}
        {ship.voyage !== undefined && <Fact name="Voyage">{ship.voyage}</Fact>}
        {ship.latitude !== undefined && ship.longitude !== undefined && (
          <Fact name="Position">{formatPosition(ship.latitude, ship.longitude)}</Fact>
        )}
        {ship.speedKn !== undefined && berth === undefined && (
          <Fact name="Speed and course">
            {shown(ship.speedKn, "kn")}
            {ship.courseDeg === undefined ? "" : `, ${formatCourse(ship.courseDeg)}`}
          </Fact>
        )}
        <Fact name="Last word">
          {ship.time === undefined ? (
            "none yet"
          ) : (
            <span class={stale ? "warn-text" : ""}>
              <Ago time={ship.time} />
              {ship.lastLink === undefined ? "" : `, ${CLASS_WORDS[ship.lastLink]}`}
            </span>
          )}
        </Fact>
        <Contacts imo={imo} />
        {notAshore !== undefined && (
          <Fact name="Still on board, not here yet">{notAshore > 0 ? plural(notAshore, "record") : "nothing"}</Fact>
        )}
        <Weather ship={ship} />
      </dl>
      {timeline}
      <HistoryEvents title="Port calls" />
      <MissingList />
      <Aboard ship={ship} />
    </article>
  );
}

/** When the ship was last heard of over each class of link, as far as this person may know its links. */
function Contacts({ imo }: { imo: string }): JSX.Element | null {
  const sites = useAppState((state) => valueOf(state.sites));
  const site = sites?.sites.find((one) => one.imo === imo)?.site;
  const contacts = site === undefined || !sites ? [] : contactsByClass(sites.links, site);
  return (
    <>
      {contacts.map(({ kind, time }) => (
        <Fact key={kind} name={`Last contact, ${CLASS_WORDS[kind]}`}>
          <Contact time={time} />
        </Fact>
      ))}
    </>
  );
}

function Weather({ ship }: { ship: ShipState }): JSX.Element | null {
  const { environment } = ship;
  const shown = useQuantity();
  if (!environment) return null;
  const parts = [
    environment.temperatureC === undefined ? undefined : shown(environment.temperatureC, "°C"),
    environment.humidityPct === undefined ? undefined : `${withUnit(environment.humidityPct, "%", 0)} humidity`,
    environment.shockG === undefined ? undefined : withUnit(environment.shockG, "g", 2),
    environment.tiltDeg === undefined ? undefined : `${withUnit(environment.tiltDeg, "°")} tilt`,
  ].filter((part) => part !== undefined);
  return parts.length === 0 ? null : <Fact name="On deck">{parts.join(", ")}</Fact>;
}

function Aboard({ ship }: { ship: ShipState }): JSX.Element {
  const { loading } = useUi();
  const remote = useAppState((state) => state.lists.aboard);
  const page = valueOf(remote);
  return (
    <Section title="Aboard" aside={formatCount(ship.containersAboard)}>
      <ul class="rows">
        {page?.containers.map((container) => (
          <ContainerRow key={container.container} container={container} />
        ))}
      </ul>
      {page?.next !== undefined && (
        <button
          type="button"
          class="more"
          disabled={remote.phase === "loading"}
          onClick={() => loading.moreOf("aboard")}
        >
          Show more
        </button>
      )}
      <Phase
        remote={remote}
        what="The containers aboard"
        onRetry={() => loading.selection()}
        isEmpty={(value) => value.containers.length === 0}
        empty="No container aboard that you may see."
      />
    </Section>
  );
}

/** Throws containers over the side; at sea, where there is a simulation and the person may steer it. */
function OverboardControl({ ship, busy }: { ship: ShipState; busy: boolean }): JSX.Element {
  const { app } = useUi();
  const [count, setCount] = useState("3");
  return (
    <form
      class="voyage"
      aria-label="Overboard"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = Math.round(Number(count));
        if (wanted >= 1 && wanted <= OVERBOARD_MAX) void overboard(app, ship, wanted);
      }}
    >
      <label>
        <span>Over the side</span>
        <input
          type="number"
          min={1}
          max={OVERBOARD_MAX}
          value={count}
          onInput={(event) => setCount(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="button button-danger" disabled={busy}>
        Throw overboard
      </button>
    </form>
  );
}

/** Arrive and depart; only where there is a simulation and the person may steer it. */
function VoyageControls({ ship }: { ship: ShipState }): JSX.Element | null {
  const { app } = useUi();
  const mayControl = useAppState((state) => state.session.phase === "signed-in" && state.session.user.mayControl);
  const simulated = useAppState((state) => state.simulation?.state.ships.find(({ imo }) => imo === ship.imo));
  const command = useAppState((state) => state.commands[commandKey.ship(ship.imo)]);
  const [picked, setPicked] = useState<string>();
  if (!mayControl || !simulated) return null;
  const docked = simulated.phase === "docked";
  const ports = DEMO_PLACES.filter(({ locode }) => !docked || locode !== simulated.port);
  const suggested = docked ? (ship.nextPort ?? ports[0]?.locode) : simulated.port;
  const port = ports.find(({ locode }) => locode === (picked ?? suggested))?.locode ?? ports[0]?.locode ?? "";
  return (
    <>
      <form
        class="voyage"
        aria-label="Voyage controls"
        onSubmit={(event) => {
          event.preventDefault();
          setPicked(undefined);
          void (docked ? depart(app, ship, port) : arrive(app, ship, port));
        }}
      >
        <label>
          <span>{docked ? "Depart for" : "Arrive in"}</span>
          <select value={port} onChange={(event) => setPicked(event.currentTarget.value)}>
            {ports.map(({ locode, name }) => (
              <option key={locode} value={locode}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" class="button button-strong" disabled={command?.phase === "running"}>
          {docked ? "Depart" : "Arrive now"}
        </button>
        {!docked && simulated.eta !== undefined && (
          <p class="soft">
            By itself in {portName(simulated.port)} <Ago time={simulated.eta} ahead />
          </p>
        )}
        <CommandFailure command={command} />
      </form>
      {!docked && <OverboardControl ship={ship} busy={command?.phase === "running"} />}
    </>
  );
}
