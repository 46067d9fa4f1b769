import type { Hono } from "hono";
import type { Clock } from "../../contract/clock.ts";
import type { MetricFamily } from "../../text/exposition.ts";
import type { AppEnv } from "./app_env.ts";
import { listen, type ListenOptions } from "./listen.ts";
import type { TlsSettings } from "./tls/tls_settings.ts";

export interface FrontOptions extends Omit<ListenOptions, "tls" | "limits"> {
  readonly clock: Clock;
  /** Undefined for plain HTTP. */
  readonly tls: TlsSettings | undefined;
  /** Where the socket for commands lies beside TLS. Absolute. */
  readonly dataDir: string;
}

/** What a server shows to the outside. */
export interface Front {
  /** How people reach it. */
  readonly url: string;
  /** With TLS: the path of the Unix socket by which commands on this machine reach it. */
  readonly socket: string | undefined;
  /** The families, that of the certificate with its sample. */
  withExpiry(families: readonly MetricFamily[]): readonly MetricFamily[];
  /** What is wrong with its certificate, as for alerts; undefined where nothing is. */
  certificateProblem(): string | undefined;
  /** Ends event streams and waits for requests in flight, at most so long. */
  close(timeoutMs: number): Promise<void>;
}

/** Serves the app, over TLS where that is set up. Throws what `listen` throws, and `invalid` for a certificate that cannot be used. */
export async function openFront(app: Hono<AppEnv>, options: FrontOptions): Promise<Front> {
  const { tls: settings, clock, dataDir, log = () => {}, ...plain } = options;
  if (settings === undefined) {
    const listener = await listen(app, { ...plain, log });
    return {
      url: listener.url,
      socket: undefined,
      withExpiry: (families) => families,
      certificateProblem: () => undefined,
      close: (timeoutMs) => listener.shutdown(timeoutMs),
    };
  }
  const [{ openTls }, { listenLocally }] = await Promise.all([
    import("./tls/open_tls.ts"),
    import("./tls/local_socket.ts"),
  ]);
  const tls = await openTls(settings, { clock, log });
  const local = await listenLocally(app, { dataDir, log });
  try {
    const listener = await listen(app, { ...plain, log, tls: tls.secure });
    const keeping = tls.keep(listener);
    return {
      url: tls.shownUrl(listener),
      socket: local.path,
      withExpiry: tls.withExpiry,
      certificateProblem: () => keeping.state.problem,
      async close(timeoutMs) {
        await keeping[Symbol.asyncDispose]();
        await Promise.all([listener.shutdown(timeoutMs), local[Symbol.asyncDispose]()]);
      },
    };
  } catch (error) {
    await local[Symbol.asyncDispose]();
    throw error;
  }
}
