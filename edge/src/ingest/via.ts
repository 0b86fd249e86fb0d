/** Header in which a node of a cluster says through which MQTT client a reading came. */
export const VIA_HEADER = "via";
