import type { FollowMessage } from "../../../contract/connector/changes.ts";
import { ofStream } from "../../of_stream.ts";
import { toPostgresError } from "../errors.ts";
import { planRead, type ReadContext, selectList } from "../read/plan.ts";
import { copyBatches, unfit } from "../read/copy_batches.ts";
import { UnfitValueError } from "../../unfit_value.ts";
import { rowSecurityWarning } from "../read/table_facts.ts";
import type { Session } from "../session/session.ts";
import type { FollowedTable } from "./followed_table.ts";

/** The table's rows as of a snapshot that another session exports. Throws as a read does. */
export async function* readSnapshot(
  session: Session,
  { name, request, facts, action }: FollowedTable,
  snapshot: string,
  context: ReadContext,
): AsyncGenerator<FollowMessage, void, undefined> {
  try {
    const plan = await planRead(session, { ...request, columns: { only: facts.read } }, context, snapshot);
    const select = `SELECT ${selectList(plan)} FROM ${plan.relation}`;
    const warning = await rowSecurityWarning(session, select, plan, context);
    if (warning !== undefined) yield { type: "log", level: "warn", message: warning };
    for await (const batch of copyBatches(session, plan, select)) yield { type: "rows", stream: name, batch };
    await session.query("COMMIT");
  } catch (error) {
    throw ofStream(
      name,
      error instanceof UnfitValueError ? unfit(action, error) : toPostgresError(action, error),
    );
  }
}
