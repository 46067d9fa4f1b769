import { join } from "node:path";
import type { AuditActor, AuditTrail } from "../../../contract/audit/entry.ts";
import type { Clock } from "../../../contract/clock.ts";
import {
  type ConvertContext,
  convertWarehouse,
  type WarehouseChange,
} from "../../runs/warehouses/convert_warehouse.ts";
import { HeldPipeline } from "../../runs/warehouses/hold_pipeline.ts";
import { warehousePath, warehouseState } from "../../runs/warehouses/warehouse_file.ts";
import type { Store } from "../../store/store.ts";

export interface WarehouseFacts {
  readonly pipeline: string;
  readonly encrypted: boolean;
  readonly bytes: number;
}

/** How a warehouse is converted beside a server that may be running. */
export interface ConvertRequest {
  readonly pipeline: string;
  readonly action: "encrypt" | "decrypt";
  readonly actor: AuditActor;
  /** How long it waits for a run of the pipeline to end. */
  readonly waitMs: number;
  readonly onWait: (pipeline: string) => void;
}

/** The warehouse files of a data folder. */
export interface Warehouses {
  /** In the order of their pipelines' names. */
  list(): Promise<WarehouseFacts[]>;
  /** Between two runs of the pipeline. Throws as `convertWarehouse` does, and `unavailable` where a run goes on. */
  convert(request: ConvertRequest, signal: AbortSignal): Promise<WarehouseChange>;
}

export interface WarehousesContext extends Omit<ConvertContext, "store"> {
  readonly store: Store;
  readonly clock: Clock;
  readonly audit: AuditTrail;
}

export function createWarehouses(context: WarehousesContext): Warehouses {
  const { store, clock, dataDir, audit } = context;
  return {
    list: () => listWarehouses(dataDir),

    async convert({ pipeline, action, actor, waitMs, onWait }, signal) {
      const purpose = `${action} the warehouse of ${pipeline}`;
      await using _held = await HeldPipeline.take(pipeline, {
        store,
        clock,
        waitMs,
        signal,
        onWait,
        purpose,
      });
      const entry = {
        action: `warehouse.${action}`,
        actor,
        target: { kind: "pipeline", name: pipeline },
        pipeline,
      } as const;
      return await audit.around(
        entry,
        () => convertWarehouse({ ...context, store: store.warehouseKeys }, pipeline, action, signal),
      );
    },
  };
}

/** By their files alone. */
export async function listWarehouses(dataDir: string): Promise<WarehouseFacts[]> {
  const facts: WarehouseFacts[] = [];
  for (const pipeline of await pipelinesWithFile(join(dataDir, "warehouse"))) {
    const path = warehousePath(dataDir, pipeline);
    const { size } = await Deno.stat(path);
    facts.push({ pipeline, encrypted: await warehouseState(path) === "encrypted", bytes: size });
  }
  return facts;
}

const SUFFIX = ".duckdb";

async function pipelinesWithFile(folder: string): Promise<string[]> {
  try {
    const names = await Array.fromAsync(Deno.readDir(folder), ({ name, isFile }) => isFile ? name : "");
    return names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length)).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}
