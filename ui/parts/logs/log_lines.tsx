import type { LogLine } from "../../../contract/run.ts";
import { formatLogTime, formatUtc } from "../format.ts";
import { plainText } from "../plain_text.ts";

/** Lines of one run, with a mark where another attempt begins. */
export function LogLines({ lines, withDate = false }: { lines: readonly LogLine[]; withDate?: boolean }) {
  return (
    <>
      {lines.map((line, index) => (
        <>
          {startsAttempt(line, lines[index - 1]) && <AttemptMark attempt={line.attempt} />}
          <LogItem line={line} withDate={withDate} />
        </>
      ))}
    </>
  );
}

/** Whether the line is the first of an attempt after another one. */
function startsAttempt(line: LogLine, before: LogLine | undefined): boolean {
  return before === undefined ? (line.attempt ?? 1) > 1 : line.attempt !== before.attempt;
}

function AttemptMark({ attempt }: { attempt: number | null }) {
  return <li class="log-attempt">Attempt {attempt ?? 1}</li>;
}

/** One line; the page's script builds the same for those that come later. */
function LogItem({ line, withDate }: { line: LogLine; withDate: boolean }) {
  return (
    <li class={`log-line level-${line.level}`}>
      <time datetime={line.at} title={withDate ? formatUtc(line.at) : undefined}>
        {formatLogTime(line.at)}
      </time>
      <span class="log-level">{line.level}</span>
      <span class="log-text">
        {line.step !== null && <span class="log-step">{line.step}</span>}
        {plainText(line.message)}
      </span>
    </li>
  );
}
