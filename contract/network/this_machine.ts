/** A host without port and brackets, in the words of whoever wrote it. */

const LOOPBACK_V4 = /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;
/** An IPv4 address within IPv6, as listeners of both have it. */
const MAPPED = /^(?:0{0,4}:){0,5}:?ffff:(127(?:\.\d{1,3}){3}|7f[0-9a-f]{2}:[0-9a-f]{1,4})$/i;
const LOOPBACK_V6 = /^(?:0{0,4}:){1,7}0{0,3}1$/;

/**
 * Whether what is sent to the host never leaves this machine: a loopback address, `localhost`, a name under it (RFC 6761),
 * or the path of a Unix socket. A name is not looked up: what it leads to may be another machine a moment later.
 */
export function isThisMachine(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1").replace(/\.$/, "");
  if (name.startsWith("/") || name.startsWith("unix:")) return true;
  if (name === "localhost" || name.endsWith(".localhost")) return true;
  return LOOPBACK_V4.test(name) || LOOPBACK_V6.test(name) || MAPPED.test(name);
}
