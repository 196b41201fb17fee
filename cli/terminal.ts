/**
 * The user's terminal on a guest's console: raw, until the guest ends or the user leaves by
 * Ctrl-A x. Deno gives it back at its exit, the stub when a fault ends the process.
 */
import type { Stub } from "../cores/stub.ts";
import type { Vm } from "../runtime/vm.ts";

const INPUT = 0;
const CTRL_A = 1, LEAVE = "x".charCodeAt(0);

/** A terminal that is somebody's guest console. */
export class Terminal implements Disposable {
  readonly #reader = Deno.stdin.readable.getReader();
  readonly #resize: () => void;
  readonly #stub: Stub;

  /** @param leave called once when the user leaves */
  constructor(stub: Stub, vm: Vm, leave: () => void) {
    this.#stub = stub;
    stub.sx_terminal_guard(INPUT);
    Deno.stdin.setRaw(true);
    this.#resize = () => {
      const { columns, rows } = Deno.consoleSize();
      vm.resize(columns, rows);
    };
    this.#resize();
    Deno.addSignalListener("SIGWINCH", this.#resize);
    this.#type(vm, leave).catch(() => {}); // the terminal is gone
  }

  /** Whether there is a terminal. */
  static get present(): boolean {
    return Deno.stdin.isTerminal() && Deno.stdout.isTerminal();
  }

  /** Gives the terminal back as it was. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGWINCH", this.#resize);
    Deno.stdin.setRaw(false);
    this.#stub.sx_terminal_release();
    this.#reader.cancel().catch(() => {});
  }

  async #type(vm: Vm, leave: () => void): Promise<void> {
    let escaped = false;
    for (;;) {
      const { value, done } = await this.#reader.read();
      if (done) return;
      const typed: number[] = [];
      for (const byte of value) {
        if (escaped && byte === LEAVE) return leave();
        // Ctrl-A twice is one for the guest.
        if (escaped || byte !== CTRL_A) typed.push(byte);
        escaped = !escaped && byte === CTRL_A;
      }
      await vm.type(Uint8Array.from(typed));
    }
  }
}
