import { type SensorDefinition, sensorKey, sensorProblem } from "../../../contract/triggers/sensors.ts";
import type { SensorView } from "../../../contract/triggers/trigger_view.ts";
import type { SensorState } from "../../store/triggers/sensors.ts";

export type NamedState = SensorState & { readonly sensor: string };

/** The sensors of a definition with how they stand. Those of a paused pipeline do not look, and miss nothing. */
export function sensorViews(
  definitions: readonly SensorDefinition[],
  states: readonly NamedState[],
  isPaused: boolean,
  nowMs: number,
): SensorView[] {
  return definitions.map((definition) => {
    const { connector, path, every, timeout } = definition;
    const state = states.find(({ sensor }) => sensor === sensorKey(definition));
    return {
      connector,
      path,
      every,
      timeout: timeout ?? null,
      looked_at: state === undefined ? null : new Date(state.lookedAtMs).toISOString(),
      found: state?.found ?? null,
      found_at: typeof state?.foundAtMs === "number" ? new Date(state.foundAtMs).toISOString() : null,
      problem: state === undefined || isPaused ? null : sensorProblem(definition, state, nowMs),
    };
  });
}
