import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { Log } from "../../../contract/log.ts";
import type { MetricFamily } from "../../../text/exposition.ts";
import type { Listener } from "../listen.ts";
import { readServerCertificate, type ServerCertificate } from "./certificate.ts";
import { CertificateKeeper } from "./certificate_keeper.ts";
import type { SecureOptions } from "./secure_listener.ts";
import type { TlsSettings } from "./tls_settings.ts";

/** The name in the table of all metrics. */
const EXPIRY = "sluice_tls_certificate_expiry_timestamp_seconds";

/** HTTPS by the server itself, as far as it is more than a listener. */
export interface Tls {
  /** What the listener starts with. */
  readonly secure: SecureOptions;
  /** Gives the listener each new certificate, until it is disposed. */
  keep(listener: Pick<Listener, "useCertificate">): AsyncDisposable & Pick<CertificateKeeper, "state">;
  /** Where people reach the listener: by a name of the certificate's where its host is none of them. */
  shownUrl(listener: Pick<Listener, "url" | "port">): string;
  /** The families, that of the certificate with its sample. */
  withExpiry(families: readonly MetricFamily[]): MetricFamily[];
}

/** Reads what the settings name. Throws `invalid` where a file cannot be used. */
export async function openTls(
  settings: TlsSettings,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<Tls> {
  const certificate = await readServerCertificate(settings);
  const { minVersion, clientCaPath } = settings;
  const clientAuthorities = clientCaPath === undefined ? undefined : await readAuthorities(clientCaPath);
  let current = certificate;
  return {
    secure: { certificate, minVersion, clientAuthorities },
    keep(listener) {
      const keeper = new CertificateKeeper(certificate, {
        files: settings,
        clock,
        log,
        onChange(changed) {
          listener.useCertificate(changed);
          current = changed;
        },
      });
      log("info", "The server speaks HTTPS", {
        names: certificate.names,
        expires: new Date(certificate.expiresAtMs).toISOString(),
      });
      keeper.start();
      return {
        get state() {
          return keeper.state;
        },
        [Symbol.asyncDispose]: () => keeper.stop(),
      };
    },
    shownUrl: ({ url, port }) => shownUrl(url, port, current),
    withExpiry: (families) =>
      families.map((family) =>
        family.name === EXPIRY
          ? { ...family, samples: [{ labels: {}, value: current.expiresAtMs / 1_000 }] }
          : family
      ),
  };
}

async function readAuthorities(path: string): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError("invalid", `Cannot read the authorities of clients ${path}: ${reason}`, {
      cause: error,
    });
  }
  if (text.includes("-----BEGIN CERTIFICATE-----")) return text;
  throw new AppError("invalid", `${path} has no certificate in PEM (-----BEGIN CERTIFICATE-----) in it`);
}

function shownUrl(url: string, port: number, { names }: ServerCertificate): string {
  const known = names.split(", ");
  if (known.includes(new URL(url).hostname.replace(/^\[(.*)\]$/, "$1"))) return url;
  const name = known.find((each) => /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i.test(each));
  return name === undefined ? url : `https://${name}:${port}`;
}
