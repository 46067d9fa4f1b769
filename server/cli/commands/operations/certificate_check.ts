import { resolve } from "node:path";
import { toAppError } from "../../../../contract/errors.ts";
import { expiryWarning, readServerCertificate } from "../../../http/tls/certificate.ts";
import { readTlsSettings } from "../../../http/tls/tls_settings.ts";
import type { CliContext } from "../../command.ts";
import type { DoctorCheck } from "./doctor_check.ts";

/** The certificate that the environment names for the server; nothing where it names none. */
export async function checkCertificate(
  { env, cwd }: Pick<CliContext, "env" | "cwd">,
  nowMs = Date.now(),
): Promise<DoctorCheck[]> {
  const check = "certificate";
  const variable = (name: string) => env(name) || undefined;
  try {
    const settings = readTlsSettings({
      cert: variable("SLUICE_TLS_CERT"),
      key: variable("SLUICE_TLS_KEY"),
      min: variable("SLUICE_TLS_MIN"),
      clientCa: variable("SLUICE_TLS_CLIENT_CA"),
    }, (path) => resolve(cwd, path));
    if (settings === undefined) return [];
    const certificate = await readServerCertificate(settings);
    const { names, expiresAtMs, warnings } = certificate;
    const expiry = expiryWarning(certificate, nowMs);
    if (expiresAtMs <= nowMs) return [{ check, state: "failed", message: expiry ?? "expired" }];
    const odd = [...warnings, ...(expiry === undefined ? [] : [expiry])];
    if (odd.length > 0) return [{ check, state: "warning", message: odd.join("; ") }];
    const until = new Date(expiresAtMs).toISOString().slice(0, 10);
    return [{ check, state: "ok", message: `For ${names}, until ${until}` }];
  } catch (error) {
    return [{ check, state: "failed", message: toAppError(error).message }];
  }
}
