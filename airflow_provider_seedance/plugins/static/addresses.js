/**
 * Decides which address of a video the page may load. This module uses neither the document nor the network.
 *
 * The service chooses the addresses of its outputs. A browser sends a request to any of them from the reader's network,
 * and with the reader's cookies for the host.
 */

/** @typedef {"load" | "ask" | "refuse"} Permission Load it, load it only after a click, or never load it. */

/** Names that resolve only in a private network: RFC 6761, 6762, 8375 and 9476, and names in common use. */
const PRIVATE_SUFFIXES = ["local", "localhost", "internal", "home.arpa", "test", "alt", "lan", "intranet", "corp", "home"];

/**
 * Return whether the page may load an address.
 *
 * Never: Airflow's own host and port, a user name or password, and a host that a content security policy cannot name,
 * such as an IPv6 address. After a click: a host that may be private, and a host in Airflow's own domain, to which a
 * browser may send cookies. Any IP address counts as private, because services have names.
 *
 * @param {string} address
 * @param {string} airflow Airflow's base URL.
 * @returns {Permission}
 */
export function permission(address, airflow) {
  if (!URL.canParse(address)) return "refuse";
  const [url, own] = [new URL(address), new URL(airflow)];
  if (!["http:", "https:"].includes(url.protocol) || url.username || url.password) return "refuse";
  if (!/^[\w-]+(\.[\w-]+)*$/.test(url.hostname)) return "refuse";
  // The same port with the other scheme, too: a policy that names http also allows https.
  if (url.hostname === own.hostname && url.port === own.port) return "refuse";
  return isPrivate(url.hostname) || isInDomainOf(url.hostname, own.hostname) ? "ask" : "load";
}

/** @param {string} host */
function isPrivate(host) {
  // A parsed URL has each form of an IPv4 address, such as 0x7f.1, in its decimal form.
  const isAddress = /^[\d.]+$/.test(host);
  return isAddress || !host.includes(".") || PRIVATE_SUFFIXES.some((suffix) => host.endsWith(`.${suffix}`));
}

/**
 * @param {string} host
 * @param {string} own
 */
function isInDomainOf(host, own) {
  const domain = own.split(".").slice(-2).join(".");
  return `.${host}`.endsWith(`.${domain}`);
}
