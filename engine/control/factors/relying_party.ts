/** Whom passkeys are for: they work at this origin alone. */
export interface RelyingParty {
  /** A host name. */
  readonly id: string;
  /** As browsers say it, without a path. */
  readonly origin: string;
}

/** Whom passkeys are for, or why there can be none. */
export type RelyingPartyOr = RelyingParty | { readonly unavailable: string };

/**
 * By SLUICE_PUBLIC_URL; without it, localhost at the port that the server listens on, `listensAt`. Browsers know passkeys of names
 * alone, and over https, or of localhost: https://www.w3.org/TR/webauthn-3/#relying-party-identifier
 */
export function relyingPartyOf(publicUrl: string | undefined, listensAt: string): RelyingPartyOr {
  const { hostname, origin, protocol } = new URL(publicUrl ?? localhostOf(listensAt));
  const isAddress = hostname.startsWith("[") || /^[\d.]+$/.test(hostname);
  const isLocal = hostname === "localhost" || hostname.endsWith(".localhost");
  if (isAddress) {
    return { unavailable: `passkeys need a host name: SLUICE_PUBLIC_URL names the address ${hostname}` };
  }
  if (protocol !== "https:" && !isLocal) {
    return { unavailable: `passkeys need https: SLUICE_PUBLIC_URL is ${origin}` };
  }
  return { id: hostname, origin };
}

function localhostOf(listensAt: string): string {
  const url = new URL(listensAt);
  url.hostname = "localhost";
  return url.href;
}
