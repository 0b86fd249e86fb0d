import { isIPv6 } from "node:net";

/** Groups of an IPv6 address that say which network it is of: whoever has one address there has all of them. */
const NETWORK_GROUPS = 4;
const GROUPS = 8;

/**
 * What counts as one sender: an IPv4 address, or the /64 of an IPv6 address. IPv4 that is written as IPv6 (`::ffff:10.0.0.1`) is
 * IPv4; what is no address stays as it is.
 */
export function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  // A zone (`fe80::1%eth0`) comes after the network.
  const [before = "", after] = (address.split("%", 1)[0] ?? "").toLowerCase().split("::", 2);
  const head = groupsOf(before);
  const tail = groupsOf(after ?? "");
  const zeros = after === undefined ? 0 : Math.max(0, GROUPS - head.length - tail.length);
  const groups = [...head, ...Array<string>(zeros).fill("0"), ...tail];
  return `${groups.slice(0, NETWORK_GROUPS).join(":")}::/64`;
}

/** The groups of one side of `::`, each without leading zeros; IPv4 at the end stands for two. */
function groupsOf(text: string): string[] {
  if (text === "") return [];
  return text.split(":").flatMap((group) => (group.includes(".") ? ["v4", "v4"] : [group.replace(/^0+(?=.)/, "")]));
}
