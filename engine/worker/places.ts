import type { Connections } from "./connections.ts";
import type { PlannedExtract, PlannedLoad, PlannedStep } from "./plan.ts";

/** What steps take places of while they run: the connections that their connectors allow, and the loads. */
export class Places {
  readonly #connections: Pick<Connections, "limits">;
  readonly #loadOf: (planned: PlannedExtract) => PlannedLoad | undefined;

  /** `loadOf` gives the load that a stream's rows go straight to, for the two are done at the same time. */
  constructor(
    connections: Pick<Connections, "limits">,
    loadOf: (planned: PlannedExtract) => PlannedLoad | undefined,
  ) {
    this.#connections = connections;
    this.#loadOf = loadOf;
  }

  /** A connector that is not there fails its steps, not the plan. */
  limitOf(used: string): number {
    const [kind, name = ""] = used.split(/:(.*)/s);
    try {
      const limits = this.#connections.limits(name);
      return kind === "loads" ? limits.loads : limits.uses;
    } catch {
      return 1;
    }
  }

  usesOf(planned: PlannedStep): readonly string[] {
    const own = usesOf(planned);
    const load = planned.kind === "extract" ? this.#loadOf(planned) : undefined;
    if (load === undefined) return own;
    const both = [...own, ...usesOf(load)];
    const fits = both.every((used) => both.filter((other) => other === used).length <= this.limitOf(used));
    // Else the step says that the two need more places than there are.
    return fits ? both : own;
  }
}

function usesOf(planned: PlannedStep): readonly string[] {
  switch (planned.kind) {
    case "extract":
      return [`uses:${planned.stream.connector}`];
    case "load":
      return [`uses:${planned.target.connector}`, `loads:${planned.target.connector}`];
    default:
      return [];
  }
}
