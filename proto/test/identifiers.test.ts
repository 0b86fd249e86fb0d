import { describe, expect, it } from "vitest";
import {
  containerCheckDigit,
  containerNumberError,
  formatContainerNumber,
  imoNumberError,
  locodeError,
  placeOf,
  DEMO_PLACES,
  PLACES,
} from "../src/identifiers.js";

describe("ISO 6346 container numbers", () => {
  it.each(["CSQU3054383", "MSKU9070323", "HLXU2008419"])("%s is one", (number) => {
    expect(containerNumberError(number)).toBeUndefined();
  });

  it.each([
    ["CSQU3054384", "check digit 4, but ISO 6346 gives 3"],
    ["csqu3054383", "not a container number"],
    ["CSQX3054383", "not a container number"],
    ["CSQU305438", "not a container number"],
    ["CSQU30543833", "not a container number"],
    ["", "not a container number"],
    ["CSQU30５4383", "not a container number"],
  ])("%s is none: %s", (number, why) => {
    expect(containerNumberError(number)).toContain(why);
  });

  it("sees every single wrong digit but those where 10 stands as 0", () => {
    const number = "CSQU3054383";
    let missed = 0;
    for (let i = 4; i < 11; i++) {
      for (let digit = 0; digit < 10; digit++) {
        if (Number(number[i]) === digit) continue;
        const wrong = number.slice(0, i) + digit + number.slice(i + 1);
        if (containerNumberError(wrong) === undefined) missed++;
      }
    }
    expect(missed).toBe(0);
  });

  it("has letter values that leave out the multiples of 11", () => {
    // Of the letters alone: A = 10, B = 12, K = 21, L = 23, U = 32, V = 34, Z = 38, each in the first place.
    const valueOfFirst = (letter: string) => (containerCheckDigit(`${letter}000000000`) + 11) % 11;
    expect(["A", "B", "K", "L", "U", "V", "Z"].map((letter) => valueOfFirst(letter))).toEqual(
      [10, 12, 21, 23, 32, 34, 38].map((value) => (value % 11) % 10),
    );
  });

  it("is written in groups, as on the box", () => {
    expect(formatContainerNumber("CSQU3054383")).toBe("CSQU 305438 3");
  });
});

describe("IMO numbers", () => {
  it.each(["9321483", "9074729", "9319466"])("%s is one", (number) => {
    expect(imoNumberError(number)).toBeUndefined();
  });
  it.each([
    ["9321484", "check digit 4, but its first six digits give 3"],
    ["932148", "seven digits"],
    ["IMO9321483", "seven digits"],
  ])("%s is none: %s", (number, why) => {
    expect(imoNumberError(number)).toContain(why);
  });
});

describe("UN/LOCODE", () => {
  it.each(["JPTYO", "SGSIN", "AUSYD", "USLAX", "DE2AB"])("%s has its form", (code) => {
    expect(locodeError(code)).toBeUndefined();
  });
  it.each(["jptyo", "JPT", "JPTY0", "JP TYO"])("%s has not", (code) => {
    expect(locodeError(code)).toContain("UN/LOCODE");
  });
  it("knows where the demo's ports lie", () => {
    expect(DEMO_PLACES.map(({ locode }) => locode)).toEqual(["JPTYO", "SGSIN", "AUSYD", "USLAX"]);
    expect(PLACES.every(({ locode }) => locodeError(locode) === undefined)).toBe(true);
    expect(placeOf("AUSYD")?.latitude).toBeLessThan(0);
    expect(placeOf("XXXXX")).toBeUndefined();
  });
});
