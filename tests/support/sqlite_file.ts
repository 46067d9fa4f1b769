import { DatabaseSync } from "node:sqlite";

/** Makes the SQLite file by the statements. */
export function makeSqlite(path: string, sql: string): void {
  const database = new DatabaseSync(path);
  try {
    database.exec(sql);
  } finally {
    database.close();
  }
}

/** A SELECT of the numbers from 1 to `count`, as the column `n`. */
export function numbers(count: number): string {
  return `(WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < ${count}) ` +
    "SELECT n FROM counted)";
}

/** Overwrites the page in the middle of the file with bytes that are no page. */
export async function damageMiddlePage(path: string): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const header = new Uint8Array(100);
  await file.read(header);
  const pageBytes = new DataView(header.buffer).getUint16(16);
  const { size } = await file.stat();
  await file.seek(Math.floor(size / pageBytes / 2) * pageBytes, Deno.SeekMode.Start);
  await file.write(new Uint8Array(pageBytes).fill(0xaa));
}
