import type { X509Certificate } from "node:crypto";

/** Who a certificate names. */
export interface CertifiedSite {
  readonly site: string;
  /** Absent in a certificate that is good for every node of the site. */
  readonly node?: string;
}

const SITE_URI = /^landfall:\/\/site\/([a-z0-9][a-z0-9-]{0,62})(?:\/node\/([a-z0-9][a-z0-9-]{0,62}))?$/;

/** `landfall://site/tokyo`, or `landfall://site/tokyo/node/b` for one node alone. */
export function siteUri({ site, node }: CertifiedSite): string {
  return `landfall://site/${site}${node === undefined ? "" : `/node/${node}`}`;
}

/** The site that a certificate names in its subject alternative names; undefined without one, or with several. */
export function certifiedSite(certificate: X509Certificate): CertifiedSite | undefined {
  // Node quotes what contains a comma or a quote, so a name cannot pretend to be two.
  const names = (certificate.subjectAltName ?? "").split(", ").filter((name) => name.startsWith("URI:landfall:"));
  const match = names.length === 1 ? SITE_URI.exec((names[0] ?? "").slice("URI:".length)) : null;
  const [, site, node] = match ?? [];
  if (site === undefined) return undefined;
  return { site, ...(node !== undefined && { node }) };
}
