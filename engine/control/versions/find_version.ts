import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { VersionRecord } from "../../store/versions/port.ts";

/** As many are looked at, newest first. */
export const MAX_VERSIONS = 500;

/** The newest version of a revision, by its id or the beginning of that. Throws not_found, and invalid for two. */
export function findVersion(
  pipeline: string,
  versions: readonly VersionRecord[],
  asked: string,
): VersionRecord {
  const found = versions.filter(({ revision }) => asked !== "" && revision.startsWith(asked.toLowerCase()));
  const [version] = found;
  if (version === undefined) {
    throw new AppError(
      "not_found",
      `Pipeline ${quoteName(pipeline)} has had no revision ${
        quoteName(asked)
      } in force; its versions are listed by ` +
        `\`sluice versions ${pipeline}\``,
    );
  }
  if (found.some(({ revision }) => revision !== version.revision)) {
    throw new AppError("invalid", `More than one revision begins with ${quoteName(asked)}: write more of it`);
  }
  return version;
}

/** Throws conflict for a revision whose files are gone. */
export function requireKept(pipeline: string, { revision, isKept }: VersionRecord): void {
  if (isKept) return;
  throw new AppError(
    "conflict",
    `Revision ${revision.slice(0, 12)} of pipeline ${
      quoteName(pipeline)
    } is not kept any more: no run that is kept used it`,
  );
}
