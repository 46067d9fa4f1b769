import { toErrorRecord } from "../../../contract/errors.ts";
import type { Answer, Question } from "../../../contract/jobs/questions.ts";
import type { Report } from "../../../contract/jobs/reports.ts";
import type { PostedBody } from "../../../contract/triggers/webhooks.ts";
import type { Answers } from "../../grants/answer_questions.ts";
import type { RunProcess } from "./spawn.ts";

/** The next body of one of the pipeline's webhooks behind a place, see ConnectorContext.posted. */
export type NextPosted = (webhook: string, afterSeq: number) => Promise<PostedBody | undefined>;

/**
 * The process with its questions answered: what it asks for goes to `answers`, which end with it, and its other
 * reports to whoever reads them. Bodies of webhooks it gets only by `posted`.
 */
export function answering(process: RunProcess, answers: Answers, posted?: NextPosted): RunProcess {
  return {
    ...process,
    reports: withoutQuestions(
      process,
      (question) =>
        question.type === "posted" && posted !== undefined
          ? answerPosted(question, posted)
          : answers.answer(question),
    ),
    async [Symbol.asyncDispose]() {
      await process[Symbol.asyncDispose]();
      answers[Symbol.dispose]();
    },
  };
}

async function answerPosted(
  { id, webhook, afterSeq }: Extract<Question, { type: "posted" }>,
  posted: NextPosted,
): Promise<Answer> {
  try {
    const found = await posted(webhook, afterSeq);
    if (found === undefined) return { type: "posted", id, posted: null };
    const { body, ...more } = found;
    return { type: "posted", id, posted: { ...more, base64: body.toBase64() } };
  } catch (error) {
    return { type: "refused", id, error: toErrorRecord(error) };
  }
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
