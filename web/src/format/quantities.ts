/** Quantities for people, always with their unit. A narrow no-break space groups thousands. */

const THIN = "\u202f";
const NBSP = "\u00a0";

/** `12 480`; four digits stay together, as in tables of figures. */
export function formatCount(value: number): string {
  const text = String(Math.round(value));
  return text.length <= 4 ? text : text.replace(/\B(?=(\d{3})+$)/g, THIN);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** `1.2 kB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && value < 10 ? 1 : 0;
  return `${value.toFixed(digits)}${NBSP}${units[unit]}`;
}

/** `35°37.1′N`. */
export function formatLatitude(latitude: number): string {
  return formatAngle(latitude, 2, latitude < 0 ? "S" : "N");
}

/** `139°47.4′E`; any copy of the meridian. */
export function formatLongitude(longitude: number): string {
  const home = ((((longitude + 180) % 360) + 360) % 360) - 180;
  return formatAngle(home, 3, home < 0 ? "W" : "E");
}

export function formatPosition(latitude: number, longitude: number): string {
  return `${formatLatitude(latitude)} ${formatLongitude(longitude)}`;
}

/** The same of something that may have no place, behind `before`. */
export function positionText(
  { latitude, longitude }: { readonly latitude?: number; readonly longitude?: number },
  before = "",
): string {
  return latitude === undefined || longitude === undefined ? "" : before + formatPosition(latitude, longitude);
}

function formatAngle(value: number, width: number, hemisphere: string): string {
  // Rounded to tenths of a minute first, or 35°59.96′ would show as 35°60.0′.
  const tenths = Math.round(Math.abs(value) * 600);
  const degrees = String(Math.floor(tenths / 600)).padStart(width, "0");
  const minutes = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  return `${degrees}°${minutes}′${hemisphere}`;
}

/** `047°`, the way courses are spoken. */
export function formatCourse(degrees: number): string {
  return `${String(Math.round(((degrees % 360) + 360) % 360) % 360).padStart(3, "0")}°`;
}

export function formatNumber(value: number, digits = 1): string {
  // A minus sign as wide as a digit keeps columns straight.
  return value.toFixed(digits).replace("-", "−");
}

export function withUnit(value: number, unit: string, digits = 1): string {
  // An angle's sign stands at its number.
  return `${formatNumber(value, digits)}${unit === "°" ? "" : NBSP}${unit}`;
}
