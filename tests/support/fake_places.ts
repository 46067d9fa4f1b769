import type { StorePlaces } from "../../engine/control/access/store_places.ts";
import type { FakeEngine } from "./fake_engine.ts";

/** What belongs where in an engine that is not: its pipelines with their tags, its problems with their pipelines. */
export function fakePlaces(engine: FakeEngine): StorePlaces {
  const subjects = async () =>
    (await engine.listPipelines()).map(({ name, tags, owner }) => ({ name, tags, owner }));
  return {
    subjects,
    subjectOf: async (name) => (await subjects()).find((one) => one.name === name) ?? { name, tags: [] },
    async pipelineOfProblem(id) {
      return (await engine.alerts.problems({ limit: 500 })).find((one) => one.id === id)?.pipeline;
    },
  };
}
