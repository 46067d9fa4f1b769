import * as v from "valibot";
import {
  createdEnvironmentSchema,
  environmentViewSchema,
  promotedEnvironmentSchema,
  removedEnvironmentSchema,
} from "../../../contract/environments/environment.ts";
import { promotionPlanSchema } from "../../../contract/environments/promotion.ts";
import { applyResultSchema } from "../../../contract/run.ts";
import type { Environments } from "../../../engine/control/environments/port.ts";
import { type ApiClient, read } from "./api_client.ts";
import { segment } from "./paths.ts";

/** The environments of a server, asked over its HTTP API. */
export function createRemoteEnvironments({ routes }: ApiClient): Environments {
  const { environments } = routes;
  const one = environments[":name"];
  const named = (name: string) => ({ param: { name: segment("environment", name) } });
  return {
    list: () => read(v.array(environmentViewSchema), environments.$get()),

    apply(name, { ref, pipelines, isAutomatic = false } = {}) {
      const json = {
        ...(ref === undefined ? {} : { ref }),
        ...(pipelines === undefined ? {} : { pipelines }),
        ...(isAutomatic ? { keep_ref: true } : {}),
      };
      return read(applyResultSchema, one.apply.$post({ ...named(name), json }));
    },

    create(name, { ref, pipelines, from, sample }, signal) {
      const json = {
        name,
        ...(ref === undefined ? {} : { ref }),
        ...(pipelines === undefined ? {} : { pipelines }),
        ...(from === undefined ? {} : { from }),
        ...(sample === undefined
          ? {}
          : "rows" in sample
          ? { rows: sample.rows }
          : { sample_percent: sample.percent }),
      };
      return read(createdEnvironmentSchema, environments.$post({ json }, { init: { signal } }));
    },

    promote(name, { pipelines, takesTables = true } = {}) {
      const json = {
        ...(pipelines === undefined ? {} : { pipelines }),
        ...(takesTables ? {} : { take_tables: false }),
      };
      return read(promotedEnvironmentSchema, one.promote.$post({ ...named(name), json }));
    },

    planPromotion(name, pipelines, signal) {
      const query = pipelines === undefined ? {} : { pipelines: pipelines.join(",") };
      return read(promotionPlanSchema, one.promotion.$get({ ...named(name), query }, { init: { signal } }));
    },

    remove(name, pipelines) {
      const query = pipelines === undefined ? {} : { pipelines: pipelines.join(",") };
      return read(removedEnvironmentSchema, one.$delete({ ...named(name), query }));
    },
  };
}
