import { AppError } from "../../../../contract/errors.ts";

/** Does the work; throws `invalid` also for what the machine has no room for, as a recursion without an end. */
export function bounded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new AppError("invalid", "the template goes too deep, or what it makes is too large");
  }
}
