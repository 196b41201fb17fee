/**
 * A disk as a power cut may leave it, from a trace of system calls: only what an fsync made stable.
 * The file must have been written at each place once, so that its end holds what every write wrote.
 */
import { durableRecord, lastRecord } from "./journal_log.ts";

/** A line of `strace -f -y`: a call that begins, one that ends, or both. */
const CALL = /^(\d+) +(?:(\w+)\((.*)|<\.\.\. (\w+) resumed>(.*))$/;

/** See the head of this file. */
export class StableDisk {
  /** What the guest was told, and where the stable log ended then. */
  readonly told: { readonly durable: number; readonly last: number }[] = [];
  readonly #path: string;
  readonly #final: Uint8Array<ArrayBuffer>;
  readonly #stable: Uint8Array<ArrayBuffer>;
  /** Calls that have not ended, by thread. */
  readonly #begun = new Map<string, string>();
  /** Offset and length of writes that ended; what was so when a thread's fsync began. */
  #written: [number, number][] = [];
  readonly #covered = new Map<string, [number, number][]>();

  constructor(path: string) {
    this.#path = path;
    this.#final = Deno.readFileSync(path);
    this.#stable = new Uint8Array(this.#final.length);
  }

  /** @param trace of `strace -f -y` */
  read(trace: string): this {
    for (const line of trace.split("\n")) {
      const [, thread = "", call, begun = "", , resumed = ""] = CALL.exec(line) ?? [];
      if (call !== undefined) this.#begins(thread, call, begun);
      if (line.endsWith("<unfinished ...>")) {
        this.#begun.set(thread, `${call} ${begun}`);
      } else if (thread) {
        const whole = call === undefined
          ? `${this.#begun.get(thread)}${resumed}`
          : `${call} ${begun}`;
        this.#ends(thread, whole);
      }
    }
    return this;
  }

  #begins(thread: string, call: string, words: string): void {
    if (call === "fsync" && words.includes(this.#path)) this.#covered.set(thread, this.#written);
    const durable = call === "write" && words.startsWith("1<")
      ? durableRecord(words.replace(/^.*?"/, "").replaceAll("\\n", "\n"))
      : 0;
    if (durable > 0) this.told.push({ durable, last: lastRecord(this.#stable) });
  }

  #ends(thread: string, words: string): void {
    if (!words.includes(this.#path)) return;
    const result = Number(/= (-?\d+)[^=]*$/.exec(words)?.[1]);
    if (words.startsWith("pwritev")) {
      const offset = Number(/, (\d+)(?: <unfinished \.\.\.>)?\) += -?\d+/.exec(words)?.[1]);
      this.#written = [...this.#written, [offset, result]];
    } else if (words.startsWith("fsync") && result === 0) {
      for (const [offset, length] of this.#covered.get(thread) ?? []) {
        this.#stable.set(this.#final.subarray(offset, offset + length), offset);
      }
    }
  }
}
