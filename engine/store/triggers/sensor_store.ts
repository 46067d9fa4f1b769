import { and, asc, eq } from "drizzle-orm";
import { type Database, storing } from "../database.ts";
import { storableText } from "../rows.ts";
import { sensorMarks } from "../schema.ts";
import { pipelinesWith } from "./pipelines_with.ts";
import type { Sensing, SensorMark, SensorState, SensorStore } from "./sensors.ts";

export function createSensorStore(db: Database): SensorStore {
  const { pipeline, sensor, lookedAtMs, waitingSinceMs, found, foundAtMs, error } = sensorMarks;
  return {
    async list() {
      return (await pipelinesWith(db, "sensors")).map(({ value, ...row }): Sensing => (
        { ...row, sensors: JSON.parse(value) }
      ));
    },

    async get(name, key) {
      const query = db.select().from(sensorMarks).where(and(eq(pipeline, name), eq(sensor, key)));
      const [row] = await storing(`read the sensors of "${name}"`, query);
      if (row === undefined) return undefined;
      const { pipeline: _, sensor: __, ...mark } = row;
      return mark;
    },

    async put(name, key, mark) {
      const values: SensorMark = { ...mark, ...textsOf(mark) };
      const upsert = db.insert(sensorMarks).values({ pipeline: name, sensor: key, ...values })
        .onConflictDoUpdate({ target: [pipeline, sensor], set: values });
      await storing(`write the sensors of "${name}"`, upsert);
    },

    async putState(name, key, state) {
      const values: SensorState = { ...state, ...textsOf(state) };
      const upsert = db.insert(sensorMarks)
        .values({ pipeline: name, sensor: key, files: {}, pending: null, ...values })
        .onConflictDoUpdate({ target: [pipeline, sensor], set: values });
      await storing(`write the sensors of "${name}"`, upsert);
    },

    async states(name) {
      const query = db.select({ pipeline, sensor, lookedAtMs, waitingSinceMs, found, foundAtMs, error })
        .from(sensorMarks).where(name === undefined ? undefined : eq(pipeline, name))
        .orderBy(asc(pipeline), asc(sensor));
      return await storing("read the sensors", query);
    },
  };
}

/** A system's own words may hold what SQLite cannot. */
const textsOf = ({ found, error }: SensorState) => ({
  found: found === null ? null : storableText(found),
  error: error === null ? null : storableText(error),
});
