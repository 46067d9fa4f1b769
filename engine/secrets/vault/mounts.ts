import type { Clock } from "../../../contract/clock.ts";
import { AppError } from "../../../contract/errors.ts";
import type { VaultClient } from "./client.ts";
import { isRecord } from "../../../text/is_record.ts";
import { dataOf } from "./sign_in.ts";

/** A secrets engine. */
export interface Mount {
  /** With a slash at its end. */
  readonly path: string;
  readonly type: string;
  /** Of KV: whether it keeps versions. */
  readonly isVersioned: boolean;
}

const KEPT_MS = 5 * 60_000;

/** The engines that paths lie in, as Vault says; each is asked for once in a while. */
export class Mounts {
  readonly #client: Pick<VaultClient, "request">;
  readonly #clock: Pick<Clock, "now">;
  readonly #known = new Map<string, { readonly mount: Mount; readonly untilMs: number }>();

  constructor(client: Pick<VaultClient, "request">, clock: Pick<Clock, "now">) {
    this.#client = client;
    this.#clock = clock;
  }

  /** Throws `forbidden` where nothing below the path may be asked for, or there is nothing. */
  async of(path: string): Promise<Mount> {
    const nowMs = this.#clock.now();
    for (const [prefix, { mount, untilMs }] of this.#known) {
      if (untilMs <= nowMs) this.#known.delete(prefix);
      else if (path.startsWith(prefix)) return mount;
    }
    const response = await this.#client.request({
      method: "GET",
      path: `sys/internal/ui/mounts/${encodePath(path)}`,
    });
    // A Vault before 0.10 knows no such address, and no versions.
    if (response.status === 404) {
      return { path: `${path.split("/", 1)[0]}/`, type: "kv", isVersioned: false };
    }
    if (response.status === 403) {
      throw new AppError(
        "forbidden",
        "Vault lets this server have nothing at that path: look whether there is such a secrets engine, and at the " +
          "policies of the server's role",
      );
    }
    const data = dataOf(response, "say what engine the path is of");
    const options = isRecord(data["options"]) ? data["options"] : {};
    const mount: Mount = {
      path: typeof data["path"] === "string" ? data["path"] : `${path.split("/", 1)[0]}/`,
      type: typeof data["type"] === "string" ? data["type"] : "",
      isVersioned: options["version"] === "2",
    };
    this.#known.set(mount.path, { mount, untilMs: nowMs + KEPT_MS });
    return mount;
  }
}

export const encodePath = (path: string): string => path.split("/").map(encodeURIComponent).join("/");
