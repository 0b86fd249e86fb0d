import type { NodeSettings } from "./node-settings.js";
import type { Path } from "./settings-schema.js";

/** Reports what does not fit together about the site's Kafka. */
export function checkKafka(settings: NodeSettings, report: (path: Path, message: string) => void): void {
  const kafka = settings.log?.kafka;
  if (kafka === undefined) return;
  const { tls, sasl } = kafka;
  if (tls !== undefined && (tls.cert === undefined) !== (tls.key === undefined)) {
    report(["log", "kafka", "tls"], "log.kafka.tls has one of cert and key, want both or neither");
  }
  if (sasl !== undefined && (sasl.password === undefined) === (sasl.passwordFile === undefined)) {
    report(["log", "kafka", "sasl"], "log.kafka.sasl wants password or passwordFile, one of them");
  }
}
