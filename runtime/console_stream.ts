/** A machine's console as a stream, like a pipe: a guest that nobody reads waits, nothing is lost. */
import { ConsoleReader } from "../hypercalls/console_ring.ts";

/** Bytes that the stream holds before the guest's ring fills behind it. */
const STREAM_BYTES = 1024 * 1024;

/** See the head of this file. */
export class ConsoleStream {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #reader: ConsoleReader;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #open = true;

  constructor(buffer: SharedArrayBuffer) {
    this.#reader = new ConsoleReader(buffer);
    this.stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.#open = false;
      },
    }, { highWaterMark: STREAM_BYTES, size: (bytes) => bytes?.length ?? 0 });
  }

  /** Moves what has come, unless the stream is full. A cancelled stream swallows it. */
  pump(): void {
    if (!this.#open) {
      this.#reader.take();
    } else if ((this.#controller.desiredSize ?? 0) > 0) {
      this.#move();
    }
  }

  /** Moves the rest and ends the stream. */
  close(): void {
    if (!this.#open) return;
    this.#move();
    this.#open = false;
    this.#controller.close();
  }

  #move(): void {
    const bytes = this.#reader.take();
    if (bytes.length > 0) this.#controller.enqueue(bytes);
  }
}
