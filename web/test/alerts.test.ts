import { describe, expect, it } from "vitest";
import { ONBOARD_THRESHOLDS, THRESHOLD_NAMES } from "@landfall/proto/onboard-rules";
import { offPort } from "../src/geo/off-port.js";
import { limitProblems, limitsToSend, startLimits } from "../src/onboard-form.js";

describe("where an alert happened, in words", () => {
  it("names the nearest port, over 180° too, and nothing far from everywhere", () => {
    expect(offPort({ latitude: -33.97, longitude: 151.22 })).toBe("In Sydney");
    expect(offPort({ latitude: -33.5, longitude: 154 })).toMatch(/^14\d\u00a0nm off Sydney$/);
    expect(offPort({ latitude: -33.5, longitude: 154 - 360 })).toMatch(/off Sydney$/);
    expect(offPort({ latitude: -58, longitude: -125 })).toBeUndefined();
    expect(offPort({ latitude: 1 })).toBeUndefined();
  });
});

describe("the form of the on-board rules", () => {
  const base = { shockG: 6 };
  it("starts with what is in force, and sends only what differs from what counts without it", () => {
    const start = startLimits({ base, rules: { lostAfterMinutes: 30 } });
    expect(start).toMatchObject({ lostAfterMinutes: "30", shockG: "6", doorOpenAfterMinutes: "5" });
    expect(limitsToSend(start, { base, rules: { lostAfterMinutes: 30 } })).toEqual({ lostAfterMinutes: 30 });
    const changed = { ...start, rangeToleranceC: "0,5", shockG: "7" };
    expect(limitsToSend(changed, { base, rules: { lostAfterMinutes: 30 } })).toEqual({
      lostAfterMinutes: 30,
      rangeToleranceC: 0.5,
      shockG: 7,
    });
  });

  it("takes what lies within the bounds, and nothing else", () => {
    for (const name of THRESHOLD_NAMES) {
      const { min, max } = ONBOARD_THRESHOLDS[name];
      for (const value of [min - 1, min, max, max + 1]) {
        const limits = { ...startLimits({ base: {} }), [name]: String(value) };
        expect(Object.keys(limitProblems(limits)), `${name} ${value}`).toEqual(
          value < min || value > max ? [name] : [],
        );
      }
    }
    for (const text of ["", " ", "x", "1e999", "1.2.3"])
      expect(limitProblems({ ...startLimits({ base: {} }), shockG: text })).toHaveProperty("shockG");
    expect(limitProblems({ ...startLimits({ base: {} }), othersReportingMin: "2.5" })).toHaveProperty(
      "othersReportingMin",
    );
  });
});
