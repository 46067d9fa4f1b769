import { AppError } from "../../../../contract/errors.ts";
import { PIPELINE_NAME_PATTERN } from "../../../../contract/names.ts";

/** `--pool heavy=2`, several or with commas between them: the slots of each pool. Throws `invalid`. */
export function readPools(texts: readonly string[]): Record<string, number> {
  const pools: Record<string, number> = {};
  for (const text of texts.flatMap((list) => list.split(",")).map((part) => part.trim())) {
    if (text === "") continue;
    const [, name = "", slots] = /^([^=]+)=([1-9]\d{0,3})$/.exec(text) ?? [];
    if (slots === undefined || !PIPELINE_NAME_PATTERN.test(name)) {
      throw new AppError("invalid", `--pool is "${text}", expected NAME=SLOTS as heavy=2`);
    }
    pools[name] = Number(slots);
  }
  return pools;
}
