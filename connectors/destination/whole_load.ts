import type { Load, LoadInput, LoadReceipt, LoadRequest } from "../../contract/connector.ts";
import { AppError } from "../../contract/errors.ts";

/** A load and its rows together. */
export interface WholeRequest<Target = unknown> extends LoadRequest<Target> {
  readonly input: LoadInput & { readonly rows: number };
}

export interface WholeResult {
  readonly rows: number;
  readonly sizeBytes: number;
  readonly repeated: boolean;
}

/** A load that a destination does in one piece when it is committed. */
export function wholeLoad<Target>(
  request: LoadRequest<Target>,
  work: (request: WholeRequest<Target>) => Promise<WholeResult>,
): Load {
  let staged: LoadInput | undefined;
  return {
    claim: () => Promise.resolve(undefined),
    stage(input) {
      staged = input;
      return Promise.resolve();
    },
    apply: () => Promise.resolve(),
    async commit(): Promise<LoadReceipt> {
      if (staged === undefined || staged.rows === null) {
        throw new AppError("internal", "Cannot load rows that were not counted");
      }
      const input = { ...staged, rows: staged.rows };
      const result = await work({ ...request, input });
      return { ...result, inserted: null, updated: null, deleted: null, hash: await input.hash() };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
