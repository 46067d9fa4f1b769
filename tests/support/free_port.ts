/**
 * Below what systems give to outgoing connections (32768 and up on Linux, 49152 elsewhere): of those any may be taken by
 * some other test's client between here and the start of the server that is to have it, and stay so for a minute.
 */
const FIRST = 18_000;
const LAST = 32_000;

/** A port of 127.0.0.1 for a server that cannot choose one itself. Throws where there is none. */
export function freePort(): number {
  for (let tries = 0; tries < 1_000; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    try {
      using _listener = Deno.listen({ hostname: "127.0.0.1", port });
      return port;
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("There is no free port");
}
