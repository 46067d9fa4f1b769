import type { PipelineDetail, PipelineSummary } from "../../contract/run.ts";
import { afterText } from "../../contract/triggers/trigger_view.ts";
import { Fact } from "./facts.tsx";

/** What starts a pipeline beside its schedule, and what it starts. */
export function TriggerFacts({ pipeline }: { pipeline: PipelineDetail }) {
  const { after, followed_by } = pipeline;
  return (
    <>
      {after !== null && (
        <Fact name="Runs after">
          {after.pipelines.length > 1 && `${after.needs} of `}
          <PipelineLinks names={after.pipelines} />
        </Fact>
      )}
      {followed_by.length > 0 && (
        <Fact name="Starts">
          <PipelineLinks names={followed_by} />
        </Fact>
      )}
    </>
  );
}

function PipelineLinks({ names }: { names: readonly string[] }) {
  return (
    <>
      {names.map((name, index) => (
        <>
          {index > 0 && ", "}
          <a href={`/pipelines/${encodeURIComponent(name)}`}>{name}</a>
        </>
      ))}
    </>
  );
}

/** What starts a pipeline without a schedule, for lists. */
export function startWords({ after }: PipelineSummary): string {
  return after === null ? "On demand" : `After ${afterText(after)}`;
}

/** Whether anything starts it by itself. */
export function startsByItself({ schedule, after }: PipelineSummary): boolean {
  return schedule !== null || after !== null;
}
