/** Frames on a byte stream: wherever the stream is cut, and whoever vanishes. */
import { deepStrictEqual, ok, strictEqual, throws } from "node:assert";
import fc from "fast-check";
import { check, type Stub } from "../../cores/stub.ts";
import { memoryMachine, stub } from "../memory_machine.ts";
import { noise, TempFile } from "../support.ts";

const AGAIN = -11, TOO_LARGE = -90, NOT_CONNECTED = -107;
const MEMORY = 1 << 20, AT = 0x1000, ROOM = 4096;
/** The stub's buffer holds no frame of this size. */
const BEYOND = 200_000;

const { vm, memory } = memoryMachine(MEMORY);

/** Segments for `length` bytes from `at`, in three parts that do not follow each other. */
function segments(length: number, at = AT): Int32Array {
  const part = Math.floor(length / 3);
  return Int32Array.of(at, 0, part, at + 0x20000, 0, part, at + 0x40000, 0, length - 2 * part);
}

/** The bytes in those segments. */
function bytesIn(list: Int32Array): number[] {
  const bytes: number[] = [];
  for (let i = 0; i < list.length; i += 3) {
    for (let n = 0; n < list[i + 2]!; n++) bytes.push(memory.byte(list[i]! + n));
  }
  return bytes;
}

function fill(list: Int32Array, bytes: Uint8Array): void {
  let done = 0;
  for (let i = 0; i < list.length; i += 3) {
    memory.write(list[i]!, bytes.subarray(done, done + list[i + 2]!));
    done += list[i + 2]!;
  }
}

const filling = noise(MEMORY);
const frameOf = (length: number, seed: number) =>
  filling.subarray(seed * 1009, seed * 1009 + length);

/** A frame behind its length. */
function framed(frame: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + frame.length);
  new DataView(bytes.buffer).setUint32(0, frame.length);
  bytes.set(frame, 4);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** A stream and its other end. */
async function pair() {
  const folder = new TempFile("");
  const path = `${folder.folder}/s`, listener = Deno.listen({ transport: "unix", path });
  const zeroed = new TextEncoder().encode(`${path}\0`);
  const handle = check(stub, stub.sx_stream_connect(zeroed, zeroed.length));
  const peer = await listener.accept();
  let open = true;
  const hangUp = () => {
    if (open) peer.close();
    open = false;
  };
  return {
    peer,
    hangUp,
    receive: (room = segments(ROOM)) => stub.sx_stream_receive(handle, vm, room, room.length / 3),
    send: (list: Int32Array) => stub.sx_stream_send(handle, vm, list, list.length / 3),
    [Symbol.dispose]: () => {
      hangUp();
      listener.close();
      strictEqual(stub.sx_stream_close(handle), 0);
      folder[Symbol.dispose]();
    },
  };
}

async function writeAll(peer: Deno.Conn, bytes: Uint8Array, meanwhile: () => void): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await peer.write(bytes.subarray(done));
    meanwhile();
  }
}

Deno.test("frames arrive whole and in order, wherever their stream is cut", async () => {
  const size = fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 1, max: ROOM }) },
    { weight: 1, arbitrary: fc.constantFrom(ROOM + 1, 70_000, BEYOND) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(size, { minLength: 1, maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 6000 }), { minLength: 1, maxLength: 10 }),
      async (sizes, cuts) => {
        using stream = await pair();
        const frames = sizes.map((length, i) => frameOf(length, i));
        const got: (number[] | "lost")[] = [];
        const takeAll = () => {
          for (;;) {
            const bytes = stream.receive();
            if (bytes === AGAIN) return;
            ok(bytes > 0 || bytes === TOO_LARGE, `${bytes}`);
            got.push(bytes > 0 ? bytesIn(segments(ROOM)).slice(0, bytes) : "lost");
          }
        };
        const all = joined(frames.map(framed));
        for (let at = 0, i = 0; at < all.length; i++) {
          const cut = cuts[i % cuts.length]!;
          await writeAll(stream.peer, all.subarray(at, at + cut), takeAll);
          at += cut;
        }
        takeAll();
        // Segments lie apart: what counts is their bytes in order, as the frame has them.
        deepStrictEqual(got, frames.map((one) => one.length > ROOM ? "lost" : [...one]));
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("what a full socket takes of a frame is finished before the next one", async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 14, max: 65_000 }), { minLength: 300, maxLength: 400 }),
      fc.array(fc.integer({ min: 1, max: 50_000 }), { minLength: 1, maxLength: 10 }),
      async (sizes, reads) => {
        using stream = await pair();
        const sent: Uint8Array[] = [], received: Uint8Array[] = [];
        let have = 0;
        const read = async (most: number) => {
          const buffer = new Uint8Array(most), count = await stream.peer.read(buffer);
          received.push(buffer.subarray(0, count ?? 0));
          have += count ?? 0;
        };
        for (const [i, length] of sizes.entries()) {
          const frame = frameOf(length, i), list = segments(length);
          fill(list, frame);
          const result = stream.send(list);
          if (result === length) sent.push(frame);
          else {
            strictEqual(result, AGAIN);
            refused++;
            await read(reads[i % reads.length]!);
          }
        }
        const expected = joined(sent.map(framed));
        while (have < expected.length) {
          strictEqual(stream.receive(), AGAIN); // sees the last one out
          await read(1 << 16);
        }
        ok(joined(received).every((byte, i) => byte === expected[i]));
        strictEqual(have, expected.length);
      },
    ),
    { numRuns: 10 },
  );
  ok(refused > 100, `the socket was full ${refused} times only`);
});

Deno.test("frames that arrived before the other end vanished are given out, then it is gone", async () => {
  using stream = await pair();
  await stream.peer.write(joined([framed(frameOf(60, 1)), framed(frameOf(60, 2)).subarray(0, 30)]));
  stream.hangUp();
  strictEqual(stream.receive(), 60);
  for (let i = 0; i < 3; i++) strictEqual(stream.receive(), NOT_CONNECTED);
  const list = segments(60);
  for (let i = 0; i < 3; i++) strictEqual(stream.send(list), NOT_CONNECTED);
});

Deno.test("a frame to an end that has vanished is lost, and no signal ends the process", async () => {
  using stream = await pair();
  stream.hangUp();
  for (let i = 0; i < 3; i++) strictEqual(stream.send(segments(60)), NOT_CONNECTED);
  strictEqual(stream.receive(), NOT_CONNECTED);
});

Deno.test("segments outside memory and frames beyond the largest are refused", async () => {
  using stream = await pair();
  strictEqual(stream.send(Int32Array.of(MEMORY - 10, 0, 60)), -14);
  strictEqual(stream.send(Int32Array.of(AT, 0, 65_551)), TOO_LARGE);
  strictEqual(stream.send(Int32Array.of(AT, 0, 65_550)), 65_550);
  strictEqual(stream.receive(Int32Array.of(MEMORY - 10, 0, 60)), -14);
});

Deno.test("sx_stream_connect() names what is wrong with a path", () => {
  const connect = (path: string) => {
    const bytes = new TextEncoder().encode(path);
    return check(stub, stub.sx_stream_connect(bytes, bytes.length));
  };
  throws(() => connect("/no/such/socket\0"), /^StubError: connect: No such file or directory$/);
  throws(() => connect("/dev/null\0"), /^StubError: connect: Connection refused$/);
  throws(() => connect(`/${"x".repeat(200)}\0`), /^StubError: connect: File name too long$/);
  throws(() => connect("no end"), /^StubError: sx_stream_connect: Invalid argument$/);
  strictEqual((stub as Stub).sx_stream_close(1), -9);
});
