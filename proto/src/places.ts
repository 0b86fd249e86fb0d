/** A place with its position in degrees (WGS 84). */
export interface Place {
  /** UN/LOCODE. */
  readonly locode: string;
  readonly name: string;
  readonly latitude: number;
  readonly longitude: number;
}

/** The terminals at which the demo's ships call. Positions are on the quay, from public charts. */
export const DEMO_PLACES: readonly Place[] = [
  { locode: "JPTYO", name: "Tokyo", latitude: 35.6175, longitude: 139.7895 },
  { locode: "SGSIN", name: "Singapore", latitude: 1.2655, longitude: 103.82 },
  { locode: "AUSYD", name: "Sydney", latitude: -33.968, longitude: 151.218 },
  { locode: "USLAX", name: "Los Angeles", latitude: 33.7406, longitude: -118.2712 },
];

const place = (locode: string, name: string, latitude: number, longitude: number): Place => ({
  locode,
  name,
  latitude,
  longitude,
});

/** The world's main container ports by UN/LOCODE, each at its container quays. */
export const PLACES: readonly Place[] = [
  ...DEMO_PLACES,
  place("JPYOK", "Yokohama", 35.407, 139.668),
  place("JPUKB", "Kobe", 34.667, 135.232),
  place("KRPUS", "Busan", 35.103, 129.075),
  place("CNSHA", "Shanghai", 30.624, 122.065),
  place("CNNGB", "Ningbo", 29.936, 121.857),
  place("CNTAO", "Qingdao", 36.02, 120.217),
  place("CNTXG", "Tianjin", 38.978, 117.76),
  place("CNXMN", "Xiamen", 24.447, 118.03),
  place("CNYTN", "Yantian", 22.567, 114.275),
  place("HKHKG", "Hong Kong", 22.338, 114.12),
  place("TWKHH", "Kaohsiung", 22.557, 120.31),
  place("PHMNL", "Manila", 14.598, 120.945),
  place("VNVUT", "Vung Tau", 10.535, 107.03),
  place("THLCH", "Laem Chabang", 13.07, 100.885),
  place("IDTPP", "Jakarta", -6.1, 106.89),
  place("MYTPP", "Tanjung Pelepas", 1.362, 103.547),
  place("MYPKG", "Port Klang", 2.942, 101.29),
  place("LKCMB", "Colombo", 6.945, 79.842),
  place("INNSA", "Nhava Sheva", 18.95, 72.942),
  place("INMUN", "Mundra", 22.737, 69.705),
  place("AEJEA", "Jebel Ali", 25.012, 55.055),
  place("OMSLL", "Salalah", 16.943, 54.005),
  place("SAJED", "Jeddah", 21.46, 39.165),
  place("EGPSD", "Port Said", 31.237, 32.35),
  place("GRPIR", "Piraeus", 37.945, 23.6),
  place("MTMAR", "Marsaxlokk", 35.82, 14.545),
  place("ITGIT", "Gioia Tauro", 38.447, 15.9),
  place("ITGOA", "Genoa", 44.405, 8.92),
  place("ESBCN", "Barcelona", 41.34, 2.165),
  place("ESVLC", "Valencia", 39.442, -0.318),
  place("ESALG", "Algeciras", 36.133, -5.433),
  place("MAPTM", "Tanger Med", 35.89, -5.5),
  place("FRLEH", "Le Havre", 49.468, 0.153),
  place("GBFXT", "Felixstowe", 51.955, 1.31),
  place("GBLGP", "London Gateway", 51.502, 0.49),
  place("BEANR", "Antwerp", 51.285, 4.3),
  place("NLRTM", "Rotterdam", 51.955, 4.045),
  place("DEBRV", "Bremerhaven", 53.592, 8.545),
  place("DEHAM", "Hamburg", 53.533, 9.93),
  place("NGAPP", "Lagos", 6.433, 3.365),
  place("ZACPT", "Cape Town", -33.913, 18.44),
  place("ZADUR", "Durban", -29.877, 31.025),
  place("BRSSZ", "Santos", -23.953, -46.3),
  place("ARBUE", "Buenos Aires", -34.585, -58.36),
  place("CLSAI", "San Antonio", -33.588, -71.615),
  place("PECLL", "Callao", -12.05, -77.147),
  place("PABLB", "Balboa", 8.957, -79.567),
  place("PAONX", "Colón", 9.362, -79.883),
  place("COCTG", "Cartagena", 10.402, -75.528),
  place("JMKIN", "Kingston", 17.975, -76.835),
  place("MXZLO", "Manzanillo", 19.068, -104.3),
  place("USLGB", "Long Beach", 33.752, -118.21),
  place("USOAK", "Oakland", 37.802, -122.318),
  place("USSEA", "Seattle", 47.575, -122.35),
  place("USHOU", "Houston", 29.61, -94.997),
  place("USCHS", "Charleston", 32.83, -79.925),
  place("USORF", "Norfolk", 36.93, -76.33),
  place("USNYC", "New York", 40.67, -74.055),
  place("AUBNE", "Brisbane", -27.372, 153.172),
  place("AUMEL", "Melbourne", -37.825, 144.915),
  place("AUFRE", "Fremantle", -32.043, 115.742),
  place("NZAKL", "Auckland", -36.842, 174.788),
  place("NZTRG", "Tauranga", -37.658, 176.182),
];

const BY_LOCODE = new Map(PLACES.map((one) => [one.locode, one]));

export function placeOf(locode: string): Place | undefined {
  return BY_LOCODE.get(locode);
}
