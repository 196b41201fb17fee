import { deepStrictEqual, strictEqual } from "node:assert";
import { passUntilEnd } from "./end_marker.ts";

const WORD = "over";

/** What is written after each chunk, and the exit code. */
async function pass(chunks: string[]): Promise<{ code: number | undefined; written: string[] }> {
  const written: string[] = [];
  async function* stream() {
    for (const chunk of chunks) {
      written.push("");
      yield await Promise.resolve(new TextEncoder().encode(chunk));
    }
  }
  const code = await passUntilEnd(stream(), WORD, (bytes) => {
    written[written.length - 1] += new TextDecoder().decode(bytes);
  });
  return { code, written };
}

Deno.test("passUntilEnd() gives the code and nothing of the marker, wherever chunks end", async () => {
  const whole = `text\0${WORD} 130\n`;
  for (let at = 0; at <= whole.length; at++) {
    const { code, written } = await pass([whole.slice(0, at), whole.slice(at)]);
    strictEqual(code, 130, `cut at ${at}`);
    strictEqual(written.join(""), "text", `cut at ${at}`);
  }
});

Deno.test("passUntilEnd() passes text on at once", async () => {
  const { written } = await pass(["a prompt> ", "more", `\0${WORD} 0\n`]);
  deepStrictEqual(written, ["a prompt> ", "more", ""]);
});

Deno.test("passUntilEnd() passes on what only begins like a marker", async () => {
  const { code, written } = await pass(["\0", "\0ov", "\0other \0", `\0${WORD} 3\n`]);
  strictEqual(code, 3);
  strictEqual(written.join(""), "\0\0ov\0other \0");
});

Deno.test("passUntilEnd() gives no code when the stream ends without a marker", async () => {
  const { code, written } = await pass(["half\0", WORD]);
  strictEqual(code, undefined);
  strictEqual(written.join(""), `half\0${WORD}`);
});
