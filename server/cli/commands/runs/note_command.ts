import type { CommandRun } from "../../command.ts";
import { connect } from "../../connect.ts";
import { readFolders } from "../../settings.ts";
import { oneLine } from "../../text.ts";
import { readTags } from "./run_labels.ts";

/** `sluice note RUN [TEXT] --tag TAG --untag TAG`: what people write on a run, at any time. */
export const note: CommandRun = async (invocation, context) => {
  const [idOrPart = "", text] = invocation.arguments;
  const added = readTags(invocation.list("tag"));
  const removed = new Set(invocation.list("untag"));
  await using connection = await connect(
    readFolders(invocation, context),
    context,
    invocation.command,
    "change",
  );
  const { engine } = connection;
  const { id, tags = [] } = await engine.getRun(idOrPart);
  const isTagged = added.length > 0 || removed.size > 0;
  const run = await engine.annotateRun(id, {
    ...(isTagged ? { tags: readTags([...tags, ...added].filter((tag) => !removed.has(tag))) } : {}),
    ...(text === undefined ? {} : { note: text }),
  });
  const told = [run.note ?? "no note", (run.tags ?? []).join(" ")].filter((part) => part !== "").join(" · ");
  context.terminal.out(invocation.flag("json") ? JSON.stringify(run) : `${id}: ${oneLine(told)}`);
  return 0;
};
