import {
  argumentKind,
  encodeArguments,
  ResultDecoder,
} from "../../../connectors/script/functions/call_columns.ts";
import type {
  FunctionLimits,
  FunctionProgram,
} from "../../../connectors/script/functions/function_sandbox.ts";
import type { SandboxProgram } from "../../../contract/connector/connector.ts";
import { AppError, toAppError } from "../../../contract/errors.ts";
import type { DefinitionFault } from "../../../contract/jobs/check_job.ts";
import type { RunJob } from "../../../contract/jobs/run_job.ts";
import {
  type FunctionType,
  functionTypeText,
  parseFunctionType,
} from "../../../contract/pipeline/function_type.ts";
import { FUNCTION_LIMITS, type FunctionDefinition, mayCall } from "../../../contract/pipeline/functions.ts";
import { durationMs } from "../../../contract/pipeline/words.ts";
import type { RevisionFile } from "../../../contract/revision.ts";
import { parseSize } from "../../../text/size.ts";
import { registerFunction, type ScalarFunction } from "../../duckdb/scalar_function.ts";
import type { DuckSession } from "../../duckdb/session.ts";
import type { JobContext } from "../job_context.ts";
import { FunctionThread } from "./function_thread.ts";

type Functions = Readonly<Record<string, FunctionDefinition>>;

/**
 * Makes the session's database know the functions that its models call. Undefined where they call none. Disposing of it
 * ends their sandboxes. Throws `forbidden` in a process that may run no script.
 */
export async function openFunctions(
  session: DuckSession,
  { definition, files, scripts = [] }: Pick<RunJob, "definition" | "files" | "scripts">,
  { sandbox, reporter, requests, functionThread }: JobContext,
): Promise<AsyncDisposable | undefined> {
  const called = Object.entries(calledBy(definition.functions ?? {}, files));
  if (called.length === 0) return undefined;
  if (sandbox === undefined || functionThread === undefined) {
    throw new AppError("forbidden", `Cannot call ${called[0]?.[0]}: this process may run no script`);
  }
  const functions = called.map(([name, declared]): FunctionProgram => ({
    program: sandbox,
    path: declared.script,
    code: codeOf(scripts, declared.script),
    called: {
      name,
      parameters: declared.parameters.map((type) => argumentKind(typeOf(type))),
      returns: typeOf(declared.returns),
      takesNulls: declared.nulls === "call",
    },
    limits: limitsOf(declared, sandbox),
  }));
  const thread = await FunctionThread.start({
    program: functionThread,
    functions,
    log: (level, message) => reporter.log(level, null, message),
    memoryOf: (pid) => requests.memoryOf(pid),
  });
  try {
    for (const [index, [name, declared]] of called.entries()) {
      const parameters = declared.parameters.map(typeOf);
      await registerFunction(session, {
        ...signatureOf(name, declared),
        implement: (fields, returns) => {
          const decoder = new ResultDecoder(typeOf(declared.returns), returns.type, declared.script);
          return (given, rows) =>
            decoder.decode(thread.call(index, encodeArguments(parameters, fields, given, rows)), rows);
        },
      });
    }
    return thread;
  } catch (error) {
    await thread[Symbol.asyncDispose]();
    throw error;
  }
}

/** Makes the session's database know the functions' names and types; none can be called. Returns what is wrong with them. */
export async function declareFunctions(
  session: DuckSession,
  functions: Functions,
): Promise<DefinitionFault[]> {
  const faults: DefinitionFault[] = [];
  for (const [name, declared] of Object.entries(functions)) {
    const refuse = () => {
      throw new AppError("internal", `the function ${name} is not called in a check`);
    };
    try {
      // Of what is volatile DuckDB computes nothing before it has rows.
      await registerFunction(session, {
        ...signatureOf(name, declared),
        isVolatile: true,
        implement: () => refuse,
      });
    } catch (error) {
      faults.push({ path: ["functions", name], message: toAppError(error).message, severity: "error" });
    }
  }
  return faults;
}

function limitsOf(declared: FunctionDefinition, { most = {} }: SandboxProgram): FunctionLimits {
  const { memory, timeout, cpu } = FUNCTION_LIMITS;
  return {
    memoryBytes: parseSize(declared.memory ?? memory) ?? 0,
    timeoutMs: Math.min(durationMs(declared.timeout ?? timeout), most.timeoutMs ?? Infinity),
    cpuMs: durationMs(declared.cpu ?? cpu),
  };
}

/** Those that the SQL of a model names. */
function calledBy(functions: Functions, models: readonly RevisionFile[]): Functions {
  return Object.fromEntries(
    Object.entries(functions).filter(([name]) => models.some(({ content }) => mayCall(content, name))),
  );
}

const signatureOf = (name: string, declared: FunctionDefinition): Omit<ScalarFunction, "implement"> => ({
  name,
  parameters: declared.parameters.map((type) => functionTypeText(typeOf(type))),
  returns: functionTypeText(typeOf(declared.returns)),
  isVolatile: declared.volatile,
});

function typeOf(written: string): FunctionType {
  const type = parseFunctionType(written);
  if (type === undefined) throw new AppError("internal", `${written} is no type of a function`);
  return type;
}

function codeOf(scripts: readonly RevisionFile[], path: string): string {
  const found = scripts.find((script) => script.path === path);
  if (found === undefined) throw new AppError("internal", `The revision has no bundle of ${path}`);
  return found.content;
}
