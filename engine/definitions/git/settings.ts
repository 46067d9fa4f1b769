import { AppError } from "../../../contract/errors.ts";
import { isThisMachine } from "../../../contract/network/this_machine.ts";
import { DURATION_PATTERN, durationMs } from "../../../contract/pipeline/words.ts";

/** The repository that definitions are pulled from, as the operator says. */
export interface RemoteSettings {
  /** http or https, without credentials. */
  readonly url: string;
  /** A branch or a tag. */
  readonly ref: string;
  /** The project's folder in the repository, with `/`; empty for its root. */
  readonly folder: string;
  readonly user: string;
  readonly token?: string | undefined;
  /** How often it is looked at; undefined for when it is told only. */
  readonly intervalMs: number | undefined;
  /** What a webhook of it is signed with; none is taken without it. */
  readonly webhookSecret?: string | undefined;
}

const DEFAULT_REF = "main";
const DEFAULT_INTERVAL = "5m";
/** GitHub and GitLab take any; Bitbucket wants this one. */
const DEFAULT_USER = "x-token-auth";
const MIN_INTERVAL_MS = 10_000;

/** From SLUICE_GIT_…; undefined where no repository is named. Throws invalid, without a secret. */
export function readRemoteSettings(env: (name: string) => string | undefined): RemoteSettings | undefined {
  const value = (name: string) => env(name)?.trim() || undefined;
  const url = value("SLUICE_GIT_URL");
  if (url === undefined) return undefined;
  const token = value("SLUICE_GIT_TOKEN");
  const interval = value("SLUICE_GIT_INTERVAL") ?? DEFAULT_INTERVAL;
  const intervalMs = interval === "off" ? undefined : durationMs(interval);
  if (intervalMs !== undefined && (!DURATION_PATTERN.test(interval) || intervalMs < MIN_INTERVAL_MS)) {
    throw new AppError(
      "invalid",
      `SLUICE_GIT_INTERVAL is "${interval}": expected a duration of 10s or more, or off`,
    );
  }
  const folder = (value("SLUICE_GIT_FOLDER") ?? "").replace(/^\/+|\/+$/g, "");
  if (folder.split("/").includes("..")) {
    throw new AppError("invalid", "SLUICE_GIT_FOLDER names a folder in the repository, without ..");
  }
  return {
    url: requireUrl(url, token !== undefined),
    ref: value("SLUICE_GIT_REF") ?? DEFAULT_REF,
    folder,
    user: value("SLUICE_GIT_USER") ?? DEFAULT_USER,
    token,
    intervalMs,
    webhookSecret: value("SLUICE_GIT_WEBHOOK_SECRET"),
  };
}

function requireUrl(text: string, hasToken: boolean): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new AppError(
      "invalid",
      "SLUICE_GIT_URL is the https address of a repository, as https://github.com/acme/etl.git",
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new AppError(
      "invalid",
      "SLUICE_GIT_URL has credentials in it: put them into SLUICE_GIT_TOKEN and SLUICE_GIT_USER",
    );
  }
  if (url.protocol === "http:" && hasToken && !isThisMachine(url.hostname)) {
    throw new AppError(
      "invalid",
      "SLUICE_GIT_URL is http, and SLUICE_GIT_TOKEN would be read along on the way: use https",
    );
  }
  return url.href;
}
