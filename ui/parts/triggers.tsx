import type { PipelineDetail, PipelineSummary } from "../../contract/run.ts";
import { Ago } from "./times.tsx";
import { afterText, type SensorView } from "../../contract/triggers/trigger_view.ts";
import { Fact } from "./facts.tsx";

/** What starts a pipeline beside its schedule, and what it starts. */
export function TriggerFacts({ pipeline, nowMs }: { pipeline: PipelineDetail; nowMs: number }) {
  const { after, followed_by, sensors } = pipeline;
  return (
    <>
      {after !== null && (
        <Fact name="Runs after">
          {after.pipelines.length > 1 && `${after.needs} of `}
          <PipelineLinks names={after.pipelines} />
        </Fact>
      )}
      {sensors.length > 0 && (
        <Fact name="Waits for">
          {sensors.map((sensor) => <SensorLine sensor={sensor} nowMs={nowMs} />)}
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

/** A file that is waited for, and how that goes. What is wrong with it is a warning of the pipeline. */
function SensorLine({ sensor, nowMs }: { sensor: SensorView; nowMs: number }) {
  const { connector, path, every, looked_at, found, found_at } = sensor;
  return (
    <div>
      <code>{path}</code> of {connector}, every {every}
      <br />
      <span class="muted">
        {found === null || found_at === null ? "nothing yet" : (
          <>
            {found} <Ago at={found_at} nowMs={nowMs} />
          </>
        )}
        {looked_at !== null && (
          <>
            {" · looked "}
            <Ago at={looked_at} nowMs={nowMs} />
          </>
        )}
      </span>
    </div>
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
export function startWords({ after, sensors }: PipelineSummary): string {
  if (after !== null) return `After ${afterText(after)}`;
  return sensors.length > 0 ? "When files appear" : "On demand";
}

/** Whether anything starts it by itself. */
export function startsByItself({ schedule, after, sensors }: PipelineSummary): boolean {
  return schedule !== null || after !== null || sensors.length > 0;
}
