import type { HealthPoint, SiteHealthReply } from "@landfall/proto/api";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { formatBytes, formatCount, formatRate } from "../format/quantities.js";
import { exceptionCounts } from "../health-model.js";
import { valueOf } from "../state/remote.js";
import { readable } from "../words.js";
import { Ago, Phase, Section } from "./parts.js";
import { SparkChart } from "./spark-chart.js";
import { useTick, useUi } from "./ui.js";
import { useRemote } from "./use-remote.js";

const REFRESH_MS = 10_000;
const EXCEPTIONS_SHORT = 5;

const MEASURES: readonly {
  readonly title: string;
  readonly of: (point: HealthPoint) => number;
  readonly format: (value: number) => string;
}[] = [
  {
    title: "Waiting on its links",
    of: ({ waitingRecords }) => waitingRecords,
    format: (n) => `${formatCount(n)} records`,
  },
  { title: "Crossing its links", of: ({ bytesPerSecond }) => bytesPerSecond, format: formatRate },
  { title: "On its disk", of: ({ bytesOnDisk }) => bytesOnDisk, format: formatBytes },
  { title: "Memory", of: ({ rssBytes }) => rssBytes, format: formatBytes },
];

/** The last hour of a site out of its owner's metrics and exceptions; nothing for who may not read them. */
export function SiteHealth({ site }: { site: string }): JSX.Element | null {
  const { app } = useUi();
  const turn = useTick((nowMs) => Math.floor(nowMs / REFRESH_MS));
  const [remote, again] = useRemote((signal) => app.api.siteHealth(site, signal), turn);
  const reply = valueOf(remote);
  if (remote.phase === "failed" && remote.missing) return null;
  return (
    <>
      {reply && <LastHour reply={reply} />}
      <Phase remote={remote} what="The last hour of this site" onRetry={again} />
    </>
  );
}

function LastHour({ reply }: { reply: SiteHealthReply }): JSX.Element {
  return (
    <>
      {reply.nodes.map(({ node, points }) => (
        <Section key={node} title={reply.nodes.length === 1 ? "The last hour" : `The last hour, node ${node}`}>
          {MEASURES.map(({ title, of, format }) => (
            <SparkChart
              key={title}
              title={title}
              times={points.map(({ time }) => Date.parse(time) / 1000)}
              values={points.map(of)}
              format={format}
            />
          ))}
        </Section>
      ))}
      <Exceptions reply={reply} />
    </>
  );
}

function Exceptions({ reply }: { reply: SiteHealthReply }): JSX.Element {
  const [isWhole, setWhole] = useState(false);
  const { exceptions } = reply;
  const counts = exceptionCounts(exceptions);
  const shown = isWhole ? exceptions : exceptions.slice(0, EXCEPTIONS_SHORT);
  return (
    <Section title="Exceptions" aside="last hour">
      {exceptions.length === 0 && <p class="phase">None was reported.</p>}
      {exceptions.length > 1 && (
        <SparkChart title="Reported" times={counts.times} values={counts.values} format={formatCount} bars />
      )}
      <ul class="rows exceptions">
        {shown.map(({ node, code, source, message, time, suppressed }) => (
          <li key={`${time} ${node} ${code} ${source}`} class="exception">
            <strong>{code}</strong> <Ago time={time} clock="own" />
            {suppressed !== undefined && suppressed > 0 && (
              <span class="soft"> and {formatCount(suppressed)} more</span>
            )}
            <p>{readable(message)}</p>
          </li>
        ))}
      </ul>
      {shown.length < exceptions.length && (
        <button type="button" class="more" onClick={() => setWhole(true)}>
          Show all {formatCount(exceptions.length)}
        </button>
      )}
    </Section>
  );
}
