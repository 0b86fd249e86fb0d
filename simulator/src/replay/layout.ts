import { SimulatorError } from "../errors.js";

/** What is read of a report, by the column in which it stands. */
export type Field = "mmsi" | "time" | "latitude" | "longitude" | "sog" | "cog" | "heading" | "imo" | "name" | "mobile";

/** A publisher's way to write AIS as CSV. */
export interface Layout {
  readonly id: "marinecadastre" | "danish";
  readonly name: string;
  readonly columns: Readonly<Partial<Record<Field, number>>>;
  /** Columns of a whole row. */
  readonly width: number;
}

interface Known extends Pick<Layout, "id" | "name"> {
  /** Header words, without case, blanks and underscores. */
  readonly headers: Readonly<Partial<Record<Field, string>>>;
  readonly wanted: readonly Field[];
}

const KNOWN: readonly Known[] = [
  {
    id: "marinecadastre",
    name: "NOAA MarineCadastre",
    headers: {
      mmsi: "mmsi",
      time: "basedatetime",
      latitude: "lat|latitude",
      longitude: "lon|longitude",
      sog: "sog",
      cog: "cog",
      heading: "heading",
      imo: "imo",
      name: "vesselname",
    },
    wanted: ["mmsi", "time", "latitude", "longitude", "imo"],
  },
  {
    id: "danish",
    name: "Danish Maritime Authority",
    headers: {
      mmsi: "mmsi",
      time: "timestamp",
      latitude: "latitude",
      longitude: "longitude",
      sog: "sog",
      cog: "cog",
      heading: "heading",
      imo: "imo",
      name: "name",
      mobile: "typeofmobile",
    },
    wanted: ["mmsi", "time", "latitude", "longitude", "imo", "mobile"],
  },
];

/** How a header names a column in these layouts, for people. */
const SPELLING: Readonly<Record<string, string>> = {
  mmsi: "MMSI",
  basedatetime: "BaseDateTime",
  timestamp: "Timestamp",
  "lat|latitude": "LAT",
  "lon|longitude": "LON",
  latitude: "Latitude",
  longitude: "Longitude",
  imo: "IMO",
  typeofmobile: "Type of mobile",
};

/**
 * Which layout a header row has.
 * @throws SimulatorError INVALID_ARGUMENT: what is missing for the layout that comes nearest
 */
export function layoutOf(header: readonly string[]): Layout {
  const words = header.map((cell) => cell.toLowerCase().replaceAll(/[^a-z]/g, ""));
  const tried = KNOWN.map(({ headers, wanted, ...known }) => {
    const columns: Partial<Record<Field, number>> = {};
    for (const [field, names] of Object.entries(headers)) {
      const index = words.findIndex((word) => names.split("|").includes(word));
      if (index >= 0) columns[field as Field] = index;
    }
    const missing = wanted.filter((field) => columns[field] === undefined).map((field) => spelled(headers[field]));
    return { ...known, columns, width: header.length, missing };
  });
  const [best] = tried.toSorted((a, b) => a.missing.length - b.missing.length);
  if (best === undefined || best.missing.length > 0) {
    const nearest = best === undefined ? "" : `: for that of ${best.name} it lacks ${best.missing.join(", ")}`;
    throw new SimulatorError(
      "INVALID_ARGUMENT",
      `the first row is no header of an AIS file that is known here${nearest}. Known are the layouts of NOAA MarineCadastre ` +
        `(MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,…) and of the Danish Maritime Authority ` +
        `(# Timestamp,Type of mobile,MMSI,Latitude,Longitude,…)`,
    );
  }
  const { missing: _, ...layout } = best;
  return layout;
}

function spelled(names: string | undefined): string {
  return SPELLING[names ?? ""] ?? names ?? "";
}
