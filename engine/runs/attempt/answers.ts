import type { Answer, Question, Report } from "../../../contract/job.ts";
import type { RunProcess } from "./spawn.ts";

/**
 * The process with its questions answered: what it asks for goes to `answer`, and its other reports
 * to whoever reads them. `answer` never throws.
 */
export function answering(
  process: RunProcess,
  answer: (question: Question) => Promise<Answer>,
): RunProcess {
  return {
    ...process,
    reports: withoutQuestions(process, answer),
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

async function* withoutQuestions(
  process: RunProcess,
  answer: (question: Question) => Promise<Answer>,
): AsyncIterable<Report> {
  for await (const report of process.reports) {
    if (report.type !== "question") {
      yield report;
      continue;
    }
    // A slow secret store holds up who asked, and no other step.
    void answer(report.question).then((found) => process.send({ type: "answer", answer: found }));
  }
}
