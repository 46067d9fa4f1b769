import type { LiveOptions, OpenedLive } from "../backend.ts";
import type { Program } from "../program.ts";
import { keepBeside, openGrantsBeside } from "./grants.ts";

/** See Backend.openLive: no secret is opened, and no source over a network is asked. */
export async function openLive(
  program: Program,
  { knownColumns, log, budget, ...place }: LiveOptions,
): Promise<OpenedLive> {
  const { LiveChecker } = await import("../../engine/definitions/live/live_checker.ts");
  const { UNASKED_STORES } = await import("../../engine/secrets/open_stores.ts");
  await using opening = new AsyncDisposableStack();
  const grants = opening.use(await openGrantsBeside(program, place, log));
  const references = { ...grants.references, stores: UNASKED_STORES };
  const context = { ...grants, ...await keepBeside(grants), references, knownColumns };
  const liveBudget = budget === undefined ? {} : { liveBudget: budget };
  const checker = opening.use(await LiveChecker.open({ ...context, ...liveBudget }));
  const opened = opening.move();
  return { checker, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
