/** What a server's process holds at one moment, as Linux tells it. */
export interface ProcessSample {
  readonly atMs: number;
  readonly rssBytes: number;
  readonly openFiles: number;
  /** Sockets among the open files. */
  readonly sockets: number;
  /** Processes below it, their children included; those that have ended and are not waited for count too. */
  readonly processes: number;
  /** Connections of it and its processes to the database server. */
  readonly connections: number;
}

/** `connections` is asked of the database server, since those of a process that has died are seen there alone. */
export async function sampleProcess(
  pid: number,
  connections: () => Promise<number>,
): Promise<ProcessSample> {
  const [status, links, processes, connected] = await Promise.all([
    Deno.readTextFile(`/proc/${pid}/status`),
    openFiles(pid),
    descendants(pid),
    connections(),
  ]);
  return {
    atMs: Date.now(),
    rssBytes: Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024,
    openFiles: links.length,
    sockets: links.filter((target) => target.startsWith("socket:")).length,
    processes,
    connections: connected,
  };
}

/** Seconds of processor that the process has used, with all of its children that have ended. */
export async function processorSeconds(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // The name of the program, in brackets, may have spaces in it: what follows is counted from behind them.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return ticks / 100;
}

/** What the open files are, as `socket:[123]` or a path. */
export async function openFiles(pid: number): Promise<string[]> {
  const folder = `/proc/${pid}/fd`;
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  // One that was closed meanwhile is not open.
  const targets = await Promise.all(names.map((name) => Deno.readLink(`${folder}/${name}`).catch(() => "")));
  return targets.filter((target) => target !== "");
}

async function descendants(pid: number): Promise<number> {
  const children = await childrenOf(pid);
  const below = await Promise.all(children.map(descendants));
  return below.reduce((sum, count) => sum + count, children.length);
}

/** A child is listed below the thread that started it. */
async function childrenOf(pid: number): Promise<number[]> {
  const threads = await Array.fromAsync(Deno.readDir(`/proc/${pid}/task`), ({ name }) => name).catch(
    () => [],
  );
  const texts = await Promise.all(
    threads.map((thread) => Deno.readTextFile(`/proc/${pid}/task/${thread}/children`).catch(() => "")),
  );
  return texts.flatMap((text) => text.split(" ")).filter((word) => /^\d+$/.test(word)).map(Number);
}
