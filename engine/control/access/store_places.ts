import type { PipelineSubject } from "../../../contract/access/scope.ts";
import type { Store } from "../../store/store.ts";
import type { Places } from "./guard.ts";

export interface StorePlaces extends Places {
  /** Also of a pipeline that was never there, of which nothing is known. */
  subjectOf(pipeline: string): Promise<PipelineSubject>;
}

/** What belongs where, as the control store has it now. */
export function storePlaces({ pipelines, alerts }: Pick<Store, "pipelines" | "alerts">): StorePlaces {
  return {
    subjects: () => pipelines.subjects(),
    async subjectOf(name) {
      const [found = { name, tags: [] }] = await pipelines.subjects(name);
      return found;
    },
    async pipelineOfProblem(id) {
      const found = await alerts.get(id);
      return found?.pipeline;
    },
  };
}
