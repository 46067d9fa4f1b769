import { join } from "node:path";
import { AppError } from "../../../contract/errors.ts";
import type { Variables } from "../../../contract/settings/variables.ts";

/** Where DuckDB's httpfs extension is, where not at its usual place. */
export const CRYPTO_MODULE_VARIABLE = "SLUICE_DUCKDB_HTTPFS";
/** DuckDB's own version: an extension is made for one. A test compares it with the library's. */
export const DUCKDB_VERSION = "v1.5.5";

const SYSTEMS: Readonly<Record<string, string>> = { linux: "linux", darwin: "osx", windows: "windows" };
const FILE = "httpfs.duckdb_extension";

/** The system as DuckDB calls it: `linux_amd64`. */
export function duckdbPlatform({ os, arch }: Pick<typeof Deno.build, "os" | "arch"> = Deno.build): string {
  return `${SYSTEMS[os] ?? os}_${arch === "aarch64" ? "arm64" : "amd64"}`;
}

/**
 * DuckDB's httpfs extension, which has the OpenSSL that encrypts: the file that `SLUICE_DUCKDB_HTTPFS` names, or the one
 * that DuckDB's `INSTALL httpfs` has put into this user's home folder. Throws `unavailable`, with how to get it.
 */
export async function findCryptoModule(env: Variables): Promise<string> {
  const named = env(CRYPTO_MODULE_VARIABLE);
  const home = env("HOME") ?? env("USERPROFILE");
  const usual = join(home ?? "", ".duckdb", "extensions", DUCKDB_VERSION, duckdbPlatform(), FILE);
  const places = named ? [named] : home === undefined ? [] : [usual];
  for (const place of places) {
    const info = await Deno.stat(place).catch(() => undefined);
    if (info?.isFile) return await Deno.realPath(place);
  }
  throw new AppError(
    "unavailable",
    `Encrypted warehouses need DuckDB's httpfs extension (its OpenSSL), which is not ` +
      `${places.length === 0 ? "named" : `at ${places.join(", ")}`}: fetch ` +
      `https://extensions.duckdb.org/${DUCKDB_VERSION}/${duckdbPlatform()}/${FILE}.gz, unpack it, ` +
      `and name the file in ${CRYPTO_MODULE_VARIABLE}`,
  );
}
