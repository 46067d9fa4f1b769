import { AppError } from "../../../contract/errors.ts";
import { quoteName } from "../../../contract/names.ts";
import type { Store } from "../../store/store.ts";
import { pipelineRecord } from "../pipeline_record.ts";
import { findVersion, MAX_VERSIONS, requireKept } from "./find_version.ts";
import type { RollBack } from "../../../contract/versions/version.ts";

/**
 * Puts a revision in force that was so before, as it was found to be right then: a source that does not answer must not
 * keep anybody from going back. Runs check what they read before their first step.
 */
export async function rollBack(store: Store, name: string, asked: string | undefined): Promise<RollBack> {
  const { origin, revision: from, rolledBackFrom } = await pipelineRecord(store, name);
  if (from === null) {
    throw new AppError(
      "conflict",
      `Pipeline ${quoteName(name)} has no revision in force: there is nothing to go back from`,
    );
  }
  const versions = await store.versions.list(name, { limit: MAX_VERSIONS });
  const version = asked === undefined
    ? versions.find(({ revision }) => revision !== from)
    : findVersion(name, versions, asked);
  if (version === undefined) {
    throw new AppError(
      "conflict",
      `Pipeline ${quoteName(name)} has had no other revision in force that is known`,
    );
  }
  const { revision: to } = version;
  if (to === from) {
    throw new AppError(
      "conflict",
      `Revision ${to.slice(0, 12)} of pipeline ${quoteName(name)} is in force already`,
    );
  }
  requireKept(name, version);
  // What the files say now is what they may go on saying.
  const files = origin === "files" ? rolledBackFrom ?? from : null;
  await store.pipelines.put({
    name,
    origin,
    revision: to,
    faults: [],
    rolledBackFrom: files === to ? null : files,
  });
  return { from, to };
}
