/** Whether a topic is one of those that a filter names (MQTT 3.1.1, 4.7): `+` is one level, `#` all that follow. */
export function filterMatches(filter: string, topic: string): boolean {
  // 4.7.2-1: what begins with $ is not everybody's.
  if (topic.startsWith("$") && /^[+#]/.test(filter)) return false;
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= levels.length || (level !== "+" && level !== levels[i])) return false;
  }
  return wanted.length === levels.length;
}

/** QoS with which a message goes to a client: never above the largest that was granted for it (3.8.4-6). */
export function grantedQos(
  subscriptions: Readonly<Record<string, { readonly qos: number }>>,
  topic: string,
  qos: 0 | 1 | 2,
): 0 | 1 | 2 {
  let granted = -1;
  for (const [filter, sub] of Object.entries(subscriptions)) {
    if (sub.qos > granted && filterMatches(filter, topic)) granted = sub.qos;
  }
  return granted < 0 ? qos : (Math.min(granted, qos) as 0 | 1 | 2);
}
