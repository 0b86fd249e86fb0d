import type { AuditTrail } from "@landfall/streams/audit/audit-trail";
import { AUDIT_SUBJECT_CHARS_MAX } from "@landfall/streams/audit/audit-limits";
import type { Sensor } from "./topic-rules.js";

/** What a client did, or was not let do. */
export interface SensorDeed {
  readonly action: "device.sign-in" | "device.stay" | "device.publish" | "device.subscribe" | "device.command";
  /** As the same would be answered over HTTP; below 400 it was allowed. */
  readonly status: 200 | 401 | 403;
  /** Undefined for who has not signed in. */
  readonly sensor: Sensor | undefined;
  /** `address:port` */
  readonly remote: string;
  /** A topic, a filter, or the device that somebody said to be. */
  readonly subject?: string | undefined;
}

/**
 * Tells the audit what sensors did and were refused, within a second: nobody waits for it. Readings are not told, their
 * records tell by themselves who sent them; nor is who comes without a name where everybody may.
 */
export class SensorAudit {
  constructor(private readonly parts: { readonly trail: Pick<AuditTrail, "soon">; readonly owner: string }) {}

  tell({ action, status, sensor, remote, subject }: SensorDeed): void {
    const outcome = status < 400 ? "allowed" : "refused";
    const device = sensor?.device;
    if (outcome === "allowed" && device === undefined) return;
    this.parts.trail.soon({
      owner: this.parts.owner,
      action,
      outcome,
      status,
      // Not to be taken for somebody of that name at a headquarters.
      user: device === undefined ? "" : `device.${device}`,
      via: device === undefined ? "nobody" : sensor?.certificate === undefined ? "password" : "certificate",
      address: remote.replace(/:\d+$/, ""),
      ...(subject !== undefined && { subject: subject.slice(0, AUDIT_SUBJECT_CHARS_MAX) }),
    });
  }
}
