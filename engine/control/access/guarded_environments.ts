import { placedName } from "../../../contract/environments/pipeline_name.ts";
import type { Environments } from "../environments/port.ts";
import type { Guard } from "./guard.ts";

/**
 * Environments as one principal may use them. A role on a pipeline counts in its environments too; one on `*@dev` in that
 * alone. Who may apply the project may apply it there, from any ref. Anybody else may apply the files that production has,
 * where they may change each of the pipelines: other files say where an environment's loads go.
 */
export function guardedEnvironments(inner: Environments, guard: Guard): Environments {
  const requireEach = async (environment: string, pipelines: readonly string[]) => {
    const known = new Set((await guard.places.subjects()).map(({ name }) => name));
    for (const pipeline of pipelines) {
      const name = placedName({ pipeline, environment });
      if (known.has(name)) await guard.requireFor("pipeline:edit", name);
      else guard.requireNew(name);
    }
  };
  const inForce = async (environment: string) =>
    (await inner.list()).find(({ name }) => name === environment)?.pipelines.map(({ pipeline }) =>
      pipeline
    ) ?? [];
  return {
    async list() {
      const names = await guard.only("pipeline:view");
      return (await inner.list()).map((environment) => {
        const pipelines = environment.pipelines.filter(({ name }) => names?.includes(name) ?? true);
        return {
          ...environment,
          pipelines,
          size_bytes: pipelines.reduce((sum, pipeline) => sum + pipeline.size_bytes, 0),
        };
      });
    },

    async apply(environment, request = {}) {
      if (!guard.access.may("project:apply")) {
        const { ref, pipelines } = request;
        if (ref !== undefined || pipelines === undefined) throw guard.refused("project:apply");
        await requireEach(environment, pipelines);
      }
      return await inner.apply(environment, request);
    },

    async create(environment, request, signal) {
      const { pipelines, ref, from } = request;
      const mayApply = guard.access.may("project:apply");
      if (!mayApply && (ref !== undefined || pipelines === undefined)) throw guard.refused("project:apply");
      if (!mayApply) await requireEach(environment, pipelines ?? []);
      // Whoever may look at the copy is not who may look at what is copied.
      if (pipelines === undefined && !guard.access.mayEverywhere("pipeline:data")) {
        throw guard.refused("pipeline:data");
      }
      for (const pipeline of pipelines ?? []) {
        await guard.requireFor("pipeline:data", placedName({ pipeline, environment: from ?? null }));
      }
      return await inner.create(environment, request, signal);
    },

    promote(environment, request) {
      guard.require("project:apply");
      return inner.promote(environment, request);
    },

    planPromotion(environment, pipelines, signal) {
      guard.require("project:apply");
      return inner.planPromotion(environment, pipelines, signal);
    },

    async remove(environment, pipelines) {
      await requireEach(environment, pipelines ?? await inForce(environment));
      return await inner.remove(environment, pipelines);
    },
  };
}
