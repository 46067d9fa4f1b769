import type { ScriptCeilings } from "../../contract/connector/connector.ts";
import { durationMs } from "../../contract/pipeline/words.ts";
import { parseSize } from "../../text/size.ts";
import type { ScriptAsk } from "./asks.ts";
import { findRule, parseAddress, splitPort } from "./host_rules.ts";
import type { Policy } from "./policy.ts";

/** What the policy has against a script, with what it asks for and what it may have; undefined for nothing. */
export function reasonAgainstScript(policy: Policy, { limits }: ScriptAsk): string | undefined {
  if (!policy.scripts) return "scripts of the operator's policy is off";
  const { memory, output, timeout, cpu } = policy.scriptCeilings;
  const sizes = [["memory", limits.memory, memory], ["output", limits.output, output]] as const;
  for (const [key, asked, most] of sizes) {
    if (asked === undefined || most === undefined || (parseSize(asked) ?? 0) <= most.bytes) continue;
    return tooMuch(key, asked, most.text);
  }
  for (
    const [key, asked, most] of [["timeout", limits.timeout, timeout], ["cpu", limits.cpu, cpu]] as const
  ) {
    if (asked === undefined || most === undefined || durationMs(asked) <= most.ms) continue;
    return tooMuch(key, asked, most.text);
  }
  const rules = policy.scriptHostsAllow;
  const other = rules && limits.hosts.find((host) => {
    const { host: name } = splitPort(host);
    const addresses = parseAddress(name) === undefined ? [] : [name];
    return findRule(rules, { text: host, addresses }, "all") === undefined;
  });
  return other === undefined
    ? undefined
    : `it names ${other} in hosts, which is not among script_hosts_allow of the operator's policy`;
}

/** What the policy lets scripts have that ask for nothing in so many words. */
export function ceilingsOf({ scriptCeilings: { memory, output, timeout, cpu } }: Policy): ScriptCeilings {
  return {
    ...(memory === undefined ? {} : { memoryBytes: memory.bytes }),
    ...(output === undefined ? {} : { outputBytes: output.bytes }),
    ...(timeout === undefined ? {} : { timeoutMs: timeout.ms }),
    ...(cpu === undefined ? {} : { cpuMs: cpu.ms }),
  };
}

const tooMuch = (key: string, asked: string, most: string): string =>
  `it asks for ${key}: ${asked}, and script_${key}_max of the operator's policy is ${most}`;
