import { toAppError } from "../../../../contract/errors.ts";
import { type Disk, diskReserve } from "../../../../engine/runs/admission/disk.ts";
import { formatBytes } from "../../../../text/format.ts";
import type { Program } from "../../../program.ts";
import type { DoctorCheck } from "./doctor_check.ts";

/** Less than so many times what is kept free is soon too little. */
const SCARCE = 2;
/** Below this, warehouses, sources and sandboxes may run out of files. */
const LEAST_FILES = 1_024;
const LEAST_GLIBC = [2, 27] as const;

/** Against what a server keeps free: it starts no run where less is. */
export function checkDisk(
  folder: string,
  disk: Disk | undefined,
  wantedBytes: number | undefined,
): DoctorCheck {
  const check = "disk";
  if (disk === undefined) {
    return { check, state: "warning", message: `The system does not say how much is free at ${folder}` };
  }
  const reserveBytes = diskReserve(disk, wantedBytes);
  const free = `${formatBytes(disk.freeBytes)} of ${formatBytes(disk.totalBytes)} are free at ${folder}`;
  const kept = `a server starts no run where less than ${formatBytes(reserveBytes)} are`;
  if (disk.freeBytes < reserveBytes) {
    return { check, state: "failed", message: `${free}, and ${kept}: free some space` };
  }
  const isScarce = disk.freeBytes < reserveBytes * SCARCE;
  return { check, state: isScarce ? "warning" : "ok", message: isScarce ? `${free}, and ${kept}` : free };
}

/** `libc` as getconf prints it, `glibc 2.36`; undefined where it cannot be asked. */
export function checkRuntime(deno: string, libc: string | undefined): DoctorCheck {
  const check = "runtime";
  const version = /(\d+)\.(\d+)/.exec(libc ?? "");
  if (libc === undefined || version === null) {
    return { check, state: "ok", message: `Deno ${deno}; the version of glibc is not known` };
  }
  const [major, minor] = [Number(version[1]), Number(version[2])];
  const isOld = major < LEAST_GLIBC[0] || (major === LEAST_GLIBC[0] && minor < LEAST_GLIBC[1]);
  const message = `Deno ${deno}, ${libc}`;
  return isOld
    ? { check, state: "failed", message: `${message}: expected glibc ${LEAST_GLIBC.join(".")} or newer` }
    : { check, state: "ok", message };
}

/** Of this machine's C library; undefined where it does not say. */
export async function readLibc(): Promise<string | undefined> {
  try {
    const { success, stdout } = await new Deno.Command("getconf", {
      args: ["GNU_LIBC_VERSION"],
      stdin: "null",
      stderr: "null",
    }).output();
    return success ? new TextDecoder().decode(stdout).trim() : undefined;
  } catch {
    return undefined;
  }
}

/** `limits` is the text of /proc/self/limits; undefined where there is none. */
export function checkOpenFiles(limits: string | undefined): DoctorCheck {
  const check = "open files";
  const soft = /^Max open files +(\S+)/m.exec(limits ?? "")?.[1];
  if (soft === undefined) {
    return { check, state: "ok", message: "The system does not say how many may be open" };
  }
  return soft !== "unlimited" && Number(soft) < LEAST_FILES
    ? {
      check,
      state: "warning",
      message: `At most ${soft} files may be open, expected ${LEAST_FILES} or more: raise ulimit -n`,
    }
    : { check, state: "ok", message: `At most ${soft} files may be open` };
}

/** Whether scripts of the project get a network of their own, which takes namespaces of the kernel's. */
export async function checkSandbox({ runProcess }: Pick<Program, "runProcess">): Promise<DoctorCheck> {
  const check = "scripts";
  try {
    const { command = [] } = await runProcess.sandboxes?.find() ?? {};
    return command.some((word) => /\bunshare\b/.test(word))
      ? { check, state: "ok", message: "Scripts run in a network of their own, without an interface" }
      : {
        check,
        state: "warning",
        message:
          "This machine makes no namespaces (unshare of util-linux, or the right to it, is missing): " +
          "only Deno's permissions keep scripts from the network, and scripts in Python do not run",
      };
  } catch (error) {
    return { check, state: "failed", message: toAppError(error).message };
  }
}
