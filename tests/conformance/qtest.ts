/**
 * QEMU's own device models, spoken to by its qtest protocol: a device is read and written with no
 * guest in between. The machine never runs, so its clocks stand.
 */
import { once } from "node:events";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import type { Readable, Writable } from "node:stream";

/** What a command was answered. */
export interface Answer {
  /** The value of a read; zero for a write. */
  readonly value: number;
  /** Levels of the watched interrupt after the command. */
  readonly level: boolean;
}

/** The commands of a byte-wide port. */
export const readPort = (port: number) => `inb 0x${port.toString(16)}`;
/** See `readPort()`. */
export const writePort = (port: number, value: number) =>
  `outb 0x${port.toString(16)} 0x${value.toString(16)}`;

/** A stopped q35 machine of QEMU. */
export class Qtest implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: Interface;
  readonly #answers: AsyncIterator<string>;
  readonly #irq: number;
  #level = false;

  private constructor(irq: number, args: readonly string[]) {
    this.#child = spawn("qemu-system-x86_64", [
      ...["-M", "q35", "-accel", "tcg", "-S", "-nodefaults", "-display", "none"],
      ...["-qtest", "stdio", "-qtest-log", "none", ...args],
    ], { stdio: ["pipe", "pipe", "ignore"] });
    this.#lines = createInterface({ input: this.#child.stdout });
    this.#answers = this.#lines[Symbol.asyncIterator]();
    this.#irq = irq;
  }

  /**
   * Starts QEMU.
   *
   * @param irq the input of the IO-APIC whose level answers tell
   * @param args more of QEMU's
   */
  static async start(irq: number, args: readonly string[]): Promise<Qtest> {
    const qtest = new Qtest(irq, args);
    await qtest.run(["irq_intercept_in ioapic"]);
    return qtest;
  }

  /**
   * Runs commands in order.
   *
   * @returns an answer for each
   */
  async run(commands: readonly string[]): Promise<Answer[]> {
    this.#child.stdin.write(commands.map((command) => `${command}\n`).join(""));
    const answers: Answer[] = [];
    while (answers.length < commands.length) {
      const { value: line, done } = await this.#answers.next();
      if (done) throw new Error("QEMU ended");
      const [word, ...rest] = (line as string).split(" ");
      if (word === "IRQ") {
        if (Number(rest[1]) === this.#irq) this.#level = rest[0] === "raise";
      } else if (word === "OK") {
        answers.push({ value: Number(rest[0] ?? 0), level: this.#level });
      } else throw new Error(`QEMU answered ${commands[answers.length]} with: ${line}`);
    }
    return answers;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exit;
    this.#lines.close();
  }
}
