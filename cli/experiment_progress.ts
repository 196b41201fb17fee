/** Tells on standard error how far an experiment is. */
import type { ExperimentProgress } from "../experiments/runner.ts";
import { progressText } from "./experiment_text.ts";

/** Between two lines where nobody looks at a terminal. */
const QUIET_MS = 5000;

/** On a terminal one line that changes, else a line now and then. */
export class ProgressLine implements Disposable {
  readonly #terminal = Deno.stderr.isTerminal();
  readonly #encoder = new TextEncoder();
  #toldAt = -Infinity;

  /** Shows how far it is. */
  tell(progress: ExperimentProgress): void {
    const text = progressText(progress);
    if (this.#terminal) {
      const { columns } = Deno.consoleSize();
      this.#write(`\r\x1b[K${text.slice(0, columns - 1)}`);
    } else if (performance.now() - this.#toldAt > QUIET_MS) {
      this.#write(`${text}\n`);
      this.#toldAt = performance.now();
    }
  }

  /** Leaves the line. */
  [Symbol.dispose](): void {
    if (this.#terminal) this.#write("\r\x1b[K");
  }

  #write(text: string): void {
    Deno.stderr.writeSync(this.#encoder.encode(text));
  }
}
