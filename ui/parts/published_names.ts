import type { PipelineDetail } from "../../contract/run.ts";
import { isRecord } from "../../text/is_record.ts";

/** The models that a pipeline publishes, as the definition in force has them. */
export function publishedNames({ definition }: Pick<PipelineDetail, "definition">): string[] {
  const publish = definition?.["publish"];
  if (Array.isArray(publish)) return [...new Set(publish.filter((one) => typeof one === "string"))];
  return isRecord(publish) ? Object.keys(publish) : [];
}
