import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import { ConsoleHub, type ConsoleMachine, SCROLL_BACK_BYTES, type Watcher } from "./console_hub.ts";

/** A machine that says what the test says, and keeps what is typed. */
class FakeMachine implements ConsoleMachine {
  readonly console: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly typed: number[] = [];
  takes = true;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;

  constructor() {
    this.console = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
    });
  }

  say(text: string): void {
    this.#controller.enqueue(new TextEncoder().encode(text));
  }

  end(): void {
    this.#controller.close();
  }

  async type(bytes: Uint8Array): Promise<void> {
    this.typed.push(...bytes);
    if (!this.takes) await new Promise(() => {});
  }

  resize(): void {}
}

class Listener implements Watcher {
  text = "";
  ended = false;
  keepsUp = true;

  show(bytes: Uint8Array<ArrayBuffer>): boolean {
    this.text += new TextDecoder().decode(bytes);
    return this.keepsUp;
  }

  end(): void {
    this.ended = true;
  }
}

const soon = () => new Promise((resolve) => setTimeout(resolve, 1));

Deno.test("watch() shows the past and what comes, to everybody", async () => {
  const machine = new FakeMachine(), hub = new ConsoleHub(machine);
  const [early, late, last] = [new Listener(), new Listener(), new Listener()];
  hub.watch(early);
  machine.say("one ");
  await soon();
  hub.watch(late);
  machine.say("two");
  machine.end();
  await hub.ended;
  hub.watch(last);
  for (const { text, ended } of [early, late, last]) {
    deepStrictEqual({ text, ended }, { text: "one two", ended: true });
  }
});

Deno.test("watch() drops who does not keep up, and keeps a bounded past", async () => {
  const machine = new FakeMachine(), hub = new ConsoleHub(machine);
  const slow = new Listener();
  slow.keepsUp = false;
  hub.watch(slow);
  for (let i = 0; i < 100; i++) machine.say(String(i % 10).repeat(10_000));
  await soon();
  strictEqual(slow.text.length, 10_000);
  strictEqual(hub.watchers, 0);
  strictEqual(hub.past.length, SCROLL_BACK_BYTES);
  ok(new TextDecoder().decode(hub.past).endsWith("8".repeat(10_000) + "9".repeat(10_000)));
  machine.end();
  await hub.ended;
});

Deno.test("type() keeps the order and refuses more than may wait", async () => {
  const machine = new FakeMachine(), hub = new ConsoleHub(machine);
  ok(hub.type(Uint8Array.of(1, 2)));
  ok(hub.type(Uint8Array.of(3)));
  await soon();
  deepStrictEqual(machine.typed, [1, 2, 3]);
  machine.takes = false;
  ok(hub.type(new Uint8Array(60_000)));
  strictEqual(hub.type(new Uint8Array(10_000)), false);
  machine.end();
  await hub.ended;
});

Deno.test("a console that a program reads has no hub", () => {
  const machine = new FakeMachine();
  machine.console.getReader();
  throws(() => new ConsoleHub(machine), { code: "console-taken" });
});
