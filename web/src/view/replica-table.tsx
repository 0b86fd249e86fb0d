import type { ApiSite } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { replicasOf } from "../fleet-model.js";
import { formatCount, plural } from "../format/quantities.js";
import { Section } from "./parts.js";
import { useSiteName } from "./missing-list.js";

const ROWS_SHORT = 6;

/** Which port or headquarters has all of which stream, and how much it lacks. */
export function ReplicaTable({ sites: all }: { sites: readonly ApiSite[] }): JSX.Element | null {
  const [isWhole, setWhole] = useState(false);
  const nameOf = useSiteName();
  const { sites, rows } = replicasOf(all);
  if (rows.length === 0) return null;
  const shown = isWhole ? rows : rows.slice(0, ROWS_SHORT);
  return (
    <Section title="What each site has" aside="records it lacks">
      <div class="replicas">
        <table class="table" aria-label="What each site has">
          <thead>
            <tr>
              <th scope="col">Stream</th>
              {sites.map(({ site }) => (
                <th key={site} scope="col" class="figure">
                  <span>{nameOf(site)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map(({ stream, lacks }) => (
              <tr key={stream}>
                <th scope="row">{stream}</th>
                {lacks.map((count, i) => (
                  <Cell key={sites[i]?.site ?? i} lacks={count} />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {shown.length < rows.length && (
        <button type="button" class="more" onClick={() => setWhole(true)}>
          Show all {plural(rows.length, "stream")}
        </button>
      )}
    </Section>
  );
}

function Cell({ lacks }: { lacks: number | undefined }): JSX.Element {
  if (lacks === undefined) return <td class="figure" />;
  if (lacks > 0) return <td class="figure lacking">{formatCount(lacks)}</td>;
  return (
    <td class="figure" aria-label="all of it">
      ✓
    </td>
  );
}
