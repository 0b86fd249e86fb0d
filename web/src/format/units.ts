import { formatNumber, withUnit } from "./quantities.js";

/** In which units a person reads what is measured in °C and knots. */
export interface Units {
  readonly temperature: "°C" | "°F";
  readonly speed: "kn" | "km/h";
}

export const USUAL_UNITS: Units = { temperature: "°C", speed: "kn" };

interface Conversion {
  readonly unit: string;
  readonly factor: number;
  readonly offset: number;
}

const FAHRENHEIT: Conversion = { unit: "°F", factor: 1.8, offset: 32 };
const KMH: Conversion = { unit: "km/h", factor: 1.852, offset: 0 };

function conversionOf(unit: string, units: Units): Conversion {
  if (unit === "°C" && units.temperature === "°F") return FAHRENHEIT;
  if (unit === "kn" && units.speed === "km/h") return KMH;
  return { unit, factor: 1, offset: 0 };
}

/** The unit that the person reads instead. */
export function shownUnit(unit: string, units: Units): string {
  return conversionOf(unit, units).unit;
}

/** A measured value as the person reads it. */
export function toShown(value: number, unit: string, units: Units): number {
  const { factor, offset } = conversionOf(unit, units);
  return value * factor + offset;
}

/** The measured value behind what the person wrote. */
export function fromShown(value: number, unit: string, units: Units): number {
  const { factor, offset } = conversionOf(unit, units);
  return (value - offset) / factor;
}

/** `−18.0 °C`, or `−0.4 °F` to who reads those. */
export function quantity(value: number, unit: string, units: Units, digits = 1): string {
  return withUnit(toShown(value, unit, units), shownUnit(unit, units), digits);
}

/** The same without its unit, where that stands beside it already. */
export function figure(value: number, unit: string, units: Units, digits = 1): string {
  return formatNumber(toShown(value, unit, units), digits);
}

/** Reads what was kept; anything else is the usual. */
export function parseUnits(text: string | null): Units {
  const words = (text ?? "").split(" ");
  return {
    temperature: words.includes("°F") ? "°F" : USUAL_UNITS.temperature,
    speed: words.includes("km/h") ? "km/h" : USUAL_UNITS.speed,
  };
}

export function formatUnits({ temperature, speed }: Units): string {
  return `${temperature} ${speed}`;
}
