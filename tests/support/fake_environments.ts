import type {
  CreatedEnvironment,
  EnvironmentView,
  PromotedEnvironment,
  RemovedEnvironment,
} from "../../contract/environments/environment.ts";
import type { PromotionPlan } from "../../contract/environments/promotion.ts";
import type { ApplyResult } from "../../contract/run.ts";
import type {
  EnvironmentApply,
  EnvironmentCreate,
  Environments,
  PromoteRequest,
} from "../../engine/control/environments/port.ts";

/** One environment with a pipeline in it, for tests of what stands on an engine. */
export class FakeEnvironments implements Environments {
  readonly applied: { environment: string; request: EnvironmentApply | undefined }[] = [];
  readonly created: { environment: string; request: EnvironmentCreate }[] = [];
  readonly promoted: { environment: string; request: PromoteRequest | undefined }[] = [];
  readonly removed: { environment: string; pipelines: readonly string[] | undefined }[] = [];
  environment: EnvironmentView = {
    name: "dev",
    description: "To try <things>",
    state: "ready",
    ref: "feature/x",
    commit: "c".repeat(40),
    applied_at: "2026-01-02T03:04:05.000Z",
    pipelines: [{ name: "orders@dev", pipeline: "orders", revision: "a".repeat(64), size_bytes: 12_288 }],
    size_bytes: 12_288,
  };

  list(): Promise<EnvironmentView[]> {
    return Promise.resolve([this.environment]);
  }

  apply(environment: string, request?: EnvironmentApply): Promise<ApplyResult> {
    this.applied.push({ environment, request });
    const applied = (request?.pipelines ?? []).map((pipeline) => `${pipeline}@${environment}`);
    return Promise.resolve({ applied, unchanged: [], removed: [], faults: [] });
  }

  create(environment: string, request: EnvironmentCreate): Promise<CreatedEnvironment> {
    this.created.push({ environment, request });
    const applied = (request.pipelines ?? []).map((pipeline) => `${pipeline}@${environment}`);
    return Promise.resolve({
      environment,
      copied: [],
      applied: { applied, unchanged: [], removed: [], faults: [] },
    });
  }

  promote(environment: string, request?: PromoteRequest): Promise<PromotedEnvironment> {
    this.promoted.push({ environment, request });
    const pipelines = request?.pipelines ?? [];
    const promoted = pipelines.map((pipeline) => ({ pipeline, revision: "a".repeat(64), run: null }));
    const applied = { applied: [...pipelines], unchanged: [], removed: [], faults: [] };
    return Promise.resolve({ environment, promoted, applied });
  }

  planPromotion(environment: string, pipelines: readonly string[] = ["orders"]): Promise<PromotionPlan> {
    const models: PromotionPlan["pipelines"][number]["models"] = [
      { model: "daily", outcome: "taken", reason: null, rows: 3 },
      {
        model: "<recent>",
        outcome: "built",
        reason: "it calls now(), which gives another value",
        rows: null,
      },
    ];
    return Promise.resolve({
      environment,
      pipelines: pipelines.map((pipeline) => ({
        pipeline,
        revision: "a".repeat(64),
        in_force: false,
        models,
        note: null,
      })),
    });
  }

  remove(environment: string, pipelines?: readonly string[]): Promise<RemovedEnvironment> {
    this.removed.push({ environment, pipelines });
    const removed = (pipelines ?? []).map((pipeline) => `${pipeline}@${environment}`);
    return Promise.resolve({ removed, freed_bytes: 12_288 });
  }
}
